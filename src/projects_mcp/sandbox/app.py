"""The sandbox as an ASGI application: 13 operations on projects, and what a key may find out about itself.

Every address works with and without a slash at its end, and there are no redirects.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from projects_mcp.sandbox.api import actions, projects
from projects_mcp.sandbox.api.access import Operation, Scope, admit
from projects_mcp.sandbox.api.authentication import authenticate, throttle
from projects_mcp.sandbox.api.calls import Call
from projects_mcp.sandbox.errors import ApiError, database_unavailable, forbidden, method_not_allowed, not_found
from projects_mcp.sandbox.world.history import masked
from projects_mcp.sandbox.world.state import World, timestamp

Handler = Callable[[Call], Response]
Methods = Mapping[str, tuple[Operation, Handler]]

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_LIST = "/api/organizations/{organization}/projects"
_ONE = _LIST + "/{project}"

_READ: Scope = "project:read"
_WRITE: Scope = "project:write"

OPERATIONS: Mapping[str, Methods] = MappingProxyType(
    {
        _LIST: {
            "GET": (Operation("list", _READ, writes=False), projects.list_projects),
            "POST": (Operation("create", _WRITE), projects.create),
        },
        _ONE: {
            "GET": (Operation("retrieve", _READ, writes=False), projects.retrieve),
            "PATCH": (Operation("partial_update", _WRITE), projects.partial_update),
            "DELETE": (Operation("destroy", _WRITE, admin=True), projects.destroy),
        },
        _ONE + "/activity": {"GET": (Operation("activity", None, writes=False), actions.activity)},
        _ONE + "/add_product_intent": {
            "PATCH": (Operation("add_product_intent", _READ), actions.add_product_intent),
        },
        _ONE + "/change_organization": {
            "POST": (Operation("change_organization", None), actions.change_organization),
        },
        _ONE + "/complete_product_onboarding": {
            "PATCH": (Operation("complete_product_onboarding", _READ), actions.complete_product_onboarding),
        },
        _ONE + "/delete_secret_token_backup": {
            "PATCH": (Operation("delete_secret_token_backup", None, admin=True), actions.delete_secret_token_backup),
        },
        _ONE + "/is_generating_demo_data": {
            "GET": (Operation("is_generating_demo_data", None, writes=False), actions.is_generating_demo_data),
        },
        _ONE + "/reset_token": {
            "PATCH": (Operation("reset_token", None, admin=True), actions.reset_token),
        },
        _ONE + "/rotate_secret_token": {
            "PATCH": (Operation("rotate_secret_token", None, admin=True), actions.rotate_secret_token),
        },
    }
)
"""The operations by address and method, with what each asks of its caller."""


def create_app(world: World) -> Starlette:
    """Return the sandbox's application over `world`, which it changes and which may be changed beside it."""
    routes = [route for path, methods in OPERATIONS.items() for route in _routes(path, world, _operate(methods))]
    routes += _routes("/api/personal_api_keys/@current", world, _introspect)
    app = Starlette(routes=routes, exception_handlers={404: _unknown_address, 405: _unknown_method})
    app.router.redirect_slashes = False
    return app


def _routes(path: str, world: World, handler: Handler) -> list[Route]:
    endpoint = _endpoint(world, handler)
    return [Route(path + slash, endpoint, methods=list(_METHODS)) for slash in ("", "/")]


def _endpoint(world: World, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return handler(await _call(world, request))
        except ApiError as error:
            return _refusal(error)

    return endpoint


async def _call(world: World, request: Request) -> Call:
    if world.behaviour.database_unavailable:
        raise database_unavailable()
    body = await request.body()
    # From here on nothing waits, so that one request is done before the next begins.
    world.remove_expired()
    return Call(world, request, body, authenticate(world, request))


def _refusal(error: ApiError) -> Response:
    return JSONResponse(error.body, status_code=error.status, headers=dict(error.headers))


async def _unknown_address(_: Request, __: Exception) -> Response:
    return _refusal(not_found("Endpoint not found."))


async def _unknown_method(request: Request, _: Exception) -> Response:
    return _refusal(method_not_allowed(request.method, ", ".join(_METHODS)))


def _operate(methods: Methods) -> Handler:
    def handler(call: Call) -> Response:
        method = _method(call)
        if method not in methods:
            raise method_not_allowed(method, ", ".join(methods))
        operation, answer = methods[method]
        admit(call, operation)
        throttle(call.world, call.caller.key)
        return answer(call)

    return handler


def _method(call: Call) -> str:
    return "GET" if call.request.method == "HEAD" else call.request.method


def _introspect(call: Call) -> Response:
    if _method(call) != "GET":
        raise method_not_allowed(_method(call), "GET")
    answer = _own_key(call)
    throttle(call.world, call.caller.key)
    return answer


def _own_key(call: Call) -> Response:
    key = call.caller.key
    if key is None or not call.world.behaviour.key_introspection:
        raise not_found()
    if key.kind != "personal":
        raise forbidden("You do not have permission to perform this action.")
    return JSONResponse(
        {
            "id": key.id,
            "label": key.label,
            "value": None,
            "mask_value": masked(key.value),
            "created_at": timestamp(key.created_at),
            "last_used_at": timestamp(key.last_used_at) if key.last_used_at else None,
            "user_id": key.user_id,
            "scopes": list(key.scopes),
            "scoped_teams": list(key.scoped_teams) or None,
            "scoped_organizations": list(key.scoped_organizations) or None,
        }
    )
