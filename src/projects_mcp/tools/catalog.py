"""All tools, in the order in which clients see them."""

from __future__ import annotations

from typing import Final

from projects_mcp.tools.lifecycle import project_change_organization, project_create, project_delete
from projects_mcp.tools.onboarding import project_add_product_intent, project_complete_product_onboarding
from projects_mcp.tools.reading import (
    project_activity,
    project_get,
    project_is_generating_demo_data,
    project_list,
)
from projects_mcp.tools.tokens import (
    project_delete_secret_token_backup,
    project_reset_token,
    project_rotate_secret_token,
)
from projects_mcp.tools.tool import Tool
from projects_mcp.tools.update import project_update

__all__ = ["CATALOG"]

CATALOG: Final[tuple[Tool, ...]] = (
    project_list,
    project_get,
    project_activity,
    project_is_generating_demo_data,
    project_create,
    project_update,
    project_add_product_intent,
    project_complete_product_onboarding,
    project_delete,
    project_change_organization,
    project_reset_token,
    project_rotate_secret_token,
    project_delete_secret_token_backup,
)
