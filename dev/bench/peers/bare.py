"""A bare server of the `mcp` SDK: 13 plain functions over one HTTP client, as one writes them in an afternoon."""

import argparse
import os
from typing import Any

import httpx
from mcp.server import MCPServer

ORGANIZATION = "@current"
server = MCPServer("projects", log_level="WARNING")  # what is measured is not its log
client = httpx.AsyncClient(
    base_url=os.environ["POSTHOG_HOST"],
    headers={"Authorization": f"Bearer {os.environ['POSTHOG_PERSONAL_API_KEY']}"},
)


async def send(method: str, path: str, **options: Any) -> dict[str, Any]:
    """Send one request about projects and return what PostHog answers."""
    response = await client.request(method, f"/api/organizations/{ORGANIZATION}/projects/{path}", **options)
    response.raise_for_status()
    answer: dict[str, Any] = response.json() if response.content else {}
    return answer


@server.tool()
async def project_list(limit: int = 100, offset: int = 0, search: str = "") -> dict[str, Any]:
    """List the projects of the organization."""
    return await send("GET", "", params={"limit": limit, "offset": offset, "search": search})


@server.tool()
async def project_get(project_id: int) -> dict[str, Any]:
    """Get a project."""
    return await send("GET", f"{project_id}/")


@server.tool()
async def project_activity(project_id: int, limit: int = 10, page: int = 1) -> dict[str, Any]:
    """Get the activity log of a project."""
    return await send("GET", f"{project_id}/activity/", params={"limit": limit, "page": page})


@server.tool()
async def project_is_generating_demo_data(project_id: int) -> dict[str, Any]:
    """Tell whether demo data is being generated for a project."""
    return await send("GET", f"{project_id}/is_generating_demo_data/")


@server.tool()
async def project_create(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Create a project."""
    return await send("POST", "", json={**settings, "name": name})


@server.tool()
async def project_update(project_id: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Update the settings of a project."""
    return await send("PATCH", f"{project_id}/", json=settings)


@server.tool()
async def project_add_product_intent(project_id: int, product_type: str, intent_context: str = "") -> dict[str, Any]:
    """Add a product intent to a project."""
    body = {"product_type": product_type, "intent_context": intent_context}
    return await send("PATCH", f"{project_id}/add_product_intent/", json=body)


@server.tool()
async def project_complete_product_onboarding(
    project_id: int, product_type: str, intent_context: str = ""
) -> dict[str, Any]:
    """Complete the onboarding of a product for a project."""
    body = {"product_type": product_type, "intent_context": intent_context}
    return await send("PATCH", f"{project_id}/complete_product_onboarding/", json=body)


@server.tool()
async def project_delete(project_id: int) -> dict[str, Any]:
    """Delete a project."""
    return await send("DELETE", f"{project_id}/")


@server.tool()
async def project_change_organization(project_id: int, target_organization_id: str) -> dict[str, Any]:
    """Move a project to another organization."""
    return await send("POST", f"{project_id}/change_organization/", json={"organization_id": target_organization_id})


@server.tool()
async def project_reset_token(project_id: int) -> dict[str, Any]:
    """Reset the API token of a project."""
    return await send("PATCH", f"{project_id}/reset_token/")


@server.tool()
async def project_rotate_secret_token(project_id: int) -> dict[str, Any]:
    """Rotate the secret API token of a project."""
    return await send("PATCH", f"{project_id}/rotate_secret_token/")


@server.tool()
async def project_delete_secret_token_backup(project_id: int) -> dict[str, Any]:
    """Delete the backup of the secret API token of a project."""
    return await send("PATCH", f"{project_id}/delete_secret_token_backup/")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, help="serve over Streamable HTTP instead of stdio")
    port: int | None = parser.parse_args().port
    if port is None:
        server.run()
    else:
        server.run("streamable-http", port=port, stateless_http=True)
