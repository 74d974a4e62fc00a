// Both lines of the SDK for TypeScript; also through mcp-remote, which turns our HTTP into stdio.

import { env, plan, require, version, walk } from "./journey.mjs";

const first = () => ({
  ...require("@modelcontextprotocol/sdk/client/index.js"),
  ...require("@modelcontextprotocol/sdk/client/stdio.js"),
  ...require("@modelcontextprotocol/sdk/client/streamableHttp.js"),
  options: {},
});
const second = () => ({
  ...require("@modelcontextprotocol/client"),
  ...require("@modelcontextprotocol/client/stdio"),
  options: { versionNegotiation: { mode: "auto" } },
});
const sdk = plan.line === 1 ? first() : second();
const name = plan.line === 1 ? "@modelcontextprotocol/sdk" : "@modelcontextprotocol/client";

const client = new sdk.Client({ name: "official-check", version: "1" }, { capabilities: {}, ...sdk.options });
await client.connect(
  plan.command
    ? new sdk.StdioClientTransport({ command: plan.command, args: plan.args, env, stderr: "ignore" })
    : new sdk.StreamableHTTPClientTransport(new URL(plan.url)),
);
const { tools } = await client.listTools();
await walk(
  `${name} ${version(name)}`,
  tools.map((tool) => tool.name),
  (tool, args) => client.callTool({ name: tool, arguments: args }),
);
await client.close();
