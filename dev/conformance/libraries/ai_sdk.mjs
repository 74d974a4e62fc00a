// The client of the AI SDK, with the tools that it makes for a model.

import { env, load, plan, version, walk } from "./journey.mjs";

const { createMCPClient } = await load("@ai-sdk/mcp/dist/index.js");
const { Experimental_StdioMCPTransport: Stdio } = await load("@ai-sdk/mcp/dist/mcp-stdio/index.js");

// It asks for the revisions first. Over stdio it gives a server one second for the answer, and then begins as in
// 2025-11-25 on the same connection, so both ways are taken here: which one, a busy machine decides.
const client = await createMCPClient({
  protocolVersionDiscovery: true,
  transport: plan.url
    ? { type: "http", url: plan.url }
    : new Stdio({ command: plan.command, args: plan.args, env, stderr: "ignore" }),
});
const tools = await client.tools();
await walk(`@ai-sdk/mcp ${version("@ai-sdk/mcp")}`, Object.keys(tools), (name, args) =>
  tools[name].execute(args, { toolCallId: "1", messages: [] }),
);
await client.close();
