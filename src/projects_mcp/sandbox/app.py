"""The sandbox as an ASGI application: the operations of the Projects API, and what belongs to a key.

Every address works with and without a slash at its end, and nothing redirects.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from projects_mcp.sandbox.api import activity_by_key, environments, introspection, organizations
from projects_mcp.sandbox.api.authentication import SAFE_METHODS, authenticate
from projects_mcp.sandbox.api.losing import lose_answer
from projects_mcp.sandbox.api.operations import OPERATIONS, Handler, Operation
from projects_mcp.sandbox.api.permissions import check_permissions, refuse_method
from projects_mcp.sandbox.api.request import ApiRequest
from projects_mcp.sandbox.api.throttling import throttle
from projects_mcp.sandbox.errors import ApiError, database_unavailable, method_not_allowed, not_acceptable, not_found
from projects_mcp.sandbox.world.state import World

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_ACCEPTABLE = frozenset({"", "*/*", "application/*", "application/json"})


def create_app(world: World) -> Starlette:
    """Create the application for a world. It changes the world, and so may a test."""
    routes = [route for path, methods in _by_path().items() for route in _routes(path, world, _dispatch(methods))]
    routes += _routes(introspection.PATH, world, _beside(introspection.introspect_key))
    routes += _routes(activity_by_key.PATH, world, _beside(activity_by_key.read_activity_log))
    routes += _routes(organizations.PATH, world, _beside(organizations.list_organizations))
    routes += _routes(environments.PATH, world, _beside(environments.create_environment, "POST"))
    app = Starlette(routes=routes, exception_handlers={404: _unknown_address, 405: _unknown_method})
    app.router.redirect_slashes = False
    return app


def _by_path() -> dict[str, dict[str, Operation]]:
    """Return the operations by address and method."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return paths


def _routes(path: str, world: World, handler: Handler) -> list[Route]:
    endpoint = _endpoint(world, handler)
    return [Route(path + slash, endpoint, methods=list(_METHODS)) for slash in ("", "/")]


def _endpoint(world: World, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(http: Request) -> Response:
        try:
            request = await _read_request(world, http)
        except ApiError as error:
            return _error_response(error)
        slow = world.behaviour.slow_writes
        if slow is not None and http.method not in SAFE_METHODS:
            return await lose_answer(world, slow, lambda: _answer(handler, request))
        return _answer(handler, request)

    return endpoint


def _answer(handler: Handler, request: ApiRequest) -> Response:
    try:
        return handler(request)
    except ApiError as error:
        return _error_response(error)


async def _read_request(world: World, http: Request) -> ApiRequest:
    if world.behaviour.database_unavailable:
        raise database_unavailable()
    body = await http.body()
    # Nothing awaits from here on, so one request is finished before the next begins.
    world.carry_out_late_writes()
    world.remove_expired()
    if not any(part.partition(";")[0].strip() in _ACCEPTABLE for part in http.headers.get("accept", "").split(",")):
        raise not_acceptable()
    return ApiRequest(world, http, body, authenticate(world, http))


def _dispatch(methods: Mapping[str, Operation]) -> Handler:
    """Return the handler of one address: it selects the operation and checks that the principal may call it."""

    def handler(request: ApiRequest) -> Response:
        absent = request.world.behaviour.absent_operations
        present = {method: operation for method, operation in methods.items() if operation.name not in absent}
        if not present:
            raise not_found("Endpoint not found.")
        operation = present.get(request.method)
        if operation is None:
            is_list = any(found.name == "list" for found in present.values())
            raise refuse_method(request, present, is_list=is_list)
        check_permissions(request, operation)
        throttle(request.world, request.principal.key)
        return operation.handler(request)

    return handler


def _beside(carry_out: Handler, method: str = "GET") -> Handler:
    """Return the handler of an address that is not one of the operations on projects, and takes one method."""

    def handler(request: ApiRequest) -> Response:
        if request.method != method:
            raise refuse_method(request, [method], is_list=False)
        response = carry_out(request)
        throttle(request.world, request.principal.key)
        return response

    return handler


def _error_response(error: ApiError) -> Response:
    return JSONResponse(error.body, status_code=error.status, headers=dict(error.headers))


async def _unknown_address(_: Request, __: Exception) -> Response:
    return _error_response(not_found("Endpoint not found."))


async def _unknown_method(request: Request, _: Exception) -> Response:
    return _error_response(method_not_allowed(request.method, ", ".join(_METHODS)))
