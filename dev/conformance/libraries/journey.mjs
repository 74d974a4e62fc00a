// What every library for Node must get done with our tools: the same as in journey.py.
//
//   node ai_sdk.mjs '{"modules": "…/node_modules", "command": "projects-mcp", "args": [], "tools": 13}'
//
// `url` stands in place of `command` for HTTP. Prints one line, or what went wrong and exits with 1.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export const plan = JSON.parse(process.argv[2]);
export const env = { ...process.env, PROJECTS_MCP_SANDBOX: "1", PROJECTS_MCP_LOG_LEVEL: "error" };
export const require = createRequire(`${plan.modules}/`);
/** Load a package that has modules of the newer kind only. */
export const load = (file) => import(pathToFileURL(join(plan.modules, file)));

const SETTINGS = {
  week_start_day: 1,
  session_recording_sample_rate: 0.5,
  session_recording_opt_in: true,
  app_urls: ["https://example.com"],
  business_model: "b2b",
};

/** List, create, read, change and delete, with a project of our own. `call` returns the result of MCP. */
export async function walk(library, names, call) {
  assert.equal(names.length, plan.tools);
  const done = async (name, args) => {
    const result = await call(name, args);
    assert.ok(!result.isError, JSON.stringify(result));
    return result.structuredContent ?? JSON.parse(result.content[0].text);
  };
  const listed = await done("project_list", {});
  assert.equal(listed.total, listed.projects.length);
  const created = await done("project_create", {
    name: `Made by a library ${randomUUID()}`,
    settings: { timezone: "Asia/Tokyo" },
  });
  const { id, name } = created.project;
  const changed = await done("project_update", { project_id: id, settings: SETTINGS, clear: ["primary_dashboard"] });
  assert.equal(changed.outcome, "applied");
  assert.deepEqual(changed.ignored, []);
  const read = await done("project_get", { project_id: id, fields: ["name", "timezone", "week_start_day"] });
  assert.deepEqual(read, { name, timezone: "Asia/Tokyo", week_start_day: 1 });

  const refused = await call("project_delete", { project_id: id, confirm_project_name: "another name" });
  assert.ok(refused.isError);
  assert.match(refused.content[0].text, /Nothing was changed/);
  const deleted = await done("project_delete", { project_id: id, confirm_project_name: name });
  assert.equal(deleted.outcome, "applied");
  const left = await call("project_get", { project_id: id, fields: ["is_pending_deletion"] });
  assert.ok(left.isError || left.structuredContent.is_pending_deletion, "gone, or waiting for it");
  const how = plan.how ?? (plan.url ? "http" : "stdio");
  console.log(`${library}, ${how}: ${names.length} tools; listed, created, changed, read, refused, deleted`);
}

/** The version of a package. */
export const version = (name) => require(join(plan.modules, name, "package.json")).version;
