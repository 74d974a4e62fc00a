// What a person does with the SDK for TypeScript: list, call, be asked, say no, walk away, say yes.
//
//   node client.mjs '{"modules": "…/node_modules", "line": 1, "command": "projects-mcp", "asks": true, "tools": 2}'
//
// `line` is that of the SDK, `tools` the number that must be listed, and `url` stands in place of `command` for HTTP. If
// the server has no way to ask this client, `asks` is false, and it must refuse instead. Prints one line, or what went
// wrong and exits with 1.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { modules, line, command, url, asks, tools: count } = JSON.parse(process.argv[2]);
const require = createRequire(`${modules}/`);

const first = () => ({
  ...require("@modelcontextprotocol/sdk/client/index.js"),
  ...require("@modelcontextprotocol/sdk/client/stdio.js"),
  ...require("@modelcontextprotocol/sdk/client/streamableHttp.js"),
  ...require("@modelcontextprotocol/sdk/types.js"),
  options: {},
});
const second = () => ({
  ...require("@modelcontextprotocol/client"),
  ...require("@modelcontextprotocol/client/stdio"),
  options: { versionNegotiation: { mode: "auto" } },
});
const sdk = line === 1 ? first() : second();
const elicitation = line === 1 ? sdk.ElicitRequestSchema : "elicitation/create";

const client = new sdk.Client(
  { name: "official-check", version: "1" },
  { capabilities: { elicitation: {} }, ...sdk.options },
);
const questions = [];
let answer;
client.setRequestHandler(elicitation, async (request) => {
  questions.push(request.params.message);
  return await answer();
});

const env = { PROJECTS_MCP_SANDBOX: "1" };
await client.connect(
  command
    ? new sdk.StdioClientTransport({ command, env, stderr: "ignore" })
    : new sdk.StreamableHTTPClientTransport(new URL(url)),
);

const call = (name, args, options) => {
  const params = { name, arguments: args };
  return line === 1 ? client.callTool(params, undefined, options) : client.callTool(params, options);
};
const read = async (name, args) => {
  const result = await call(name, args);
  assert.ok(!result.isError, result.content[0].text);
  return result.structuredContent;
};
const remains = async (id) => !(await read("project_get", { project_id: id })).is_pending_deletion;

// List and call. The client itself holds the object in the answer to the published schema.
const { tools } = await client.listTools();
assert.equal(tools.length, count);
const { projects } = await read("project_list", {});
const wrong = await call("project_list", { limit: "many" });
assert.ok(wrong.isError, "a wrong argument is refused");
await assert.rejects(call("no_such_tool", {}), { code: -32602 });

// The last one, which nothing else here needs.
const { id, name } = projects.at(-1);
const remove = (options) => call("project_delete", { project_id: id, confirm_project_name: name }, options);

// Say no.
answer = async () => ({ action: "decline" });
assert.ok((await remove()).isError, "no means no");
assert.ok(await remains(id));
assert.equal(questions.length, asks ? 1 : 0);

// Walk away: in the middle of a question, or else in the middle of a call.
const leaving = new AbortController();
if (asks) {
  answer = () =>
    new Promise((_, reject) => {
      leaving.signal.addEventListener("abort", () => reject(new Error("nobody is there any more")));
      leaving.abort(new Error("walked away"));
    });
  await assert.rejects(remove({ signal: leaving.signal }));
} else {
  const left = assert.rejects(call("project_list", {}, { signal: leaving.signal }));
  leaving.abort(new Error("walked away"));
  await left;
}
assert.ok(await remains(id), "whoever walked away has not said yes");

// Say yes, where one can.
if (asks) {
  const asked = questions.length;
  answer = async () => ({ action: "accept", content: { confirm: true } });
  const done = await remove();
  assert.ok(!done.isError, done.content[0].text);
  assert.equal(questions.length, asked + 1);
  assert.ok(questions.at(-1).includes(name));
  assert.ok(!(await remains(id)));
}

const how = asks ? "asked: no, walked away, yes" : "cannot be asked, so refused";
const revision = line === 1 ? sdk.LATEST_PROTOCOL_VERSION : client.getNegotiatedProtocolVersion();
console.log(`${revision}: ${tools.length} tools, called, ${how}`);
await client.close();
