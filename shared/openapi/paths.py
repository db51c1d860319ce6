"""A route's path as OpenAPI writes it."""

from __future__ import annotations

from shared.web import Function, Route


def written(function: Function, route: Route) -> str:
    """`/api/workspaces/{workspace_id}` for the route `/<workspace_id>` of workspaces."""
    path = route.path.replace("<", "{").replace(">", "}")
    return f"/api/{function.name}{path}".rstrip("/")
