"""PostHog's documentation page of the Projects API as an OpenAPI document, and a mock that serves it.

`projects.json` says what the page says: operations, parameters, one list of body fields for each body, the example of
each answer, and types as far as the page gives them or its examples show them. Beyond the page it has the request with
which a key asks what it may do, the form of a failure, and the browser session as the other way to authenticate.
"""
