// Three programs that ask to be let in: the official clients in TypeScript (of both revisions of the protocol) and in Python.
// Each is `{ protocol, tools, answer, renew(), shutOut(), close() }` once `letIn` has brought its answer back; those in TypeScript
// `propose(tool, arguments)` as well.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client as Modern, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as Earlier } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as EarlierTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const CALL = { name: 'rep_load', arguments: {} };
const PYTHON = fileURLToPath(new URL('./program.py', import.meta.url));

/** What the official clients ask of whoever keeps their tokens. */
class Keeper {
  asked = null;
  kept = undefined;
  #verifier;

  constructor(clientId, redirect) {
    this.redirectUrl = redirect;
    this.clientMetadata = { client_name: 'Test', redirect_uris: [redirect], token_endpoint_auth_method: 'none' };
    this.clientId = clientId;
  }

  clientInformation() { return { client_id: this.clientId }; }
  tokens() { return this.kept; }
  saveTokens(tokens) { this.kept = tokens; }
  redirectToAuthorization(url) { this.asked = url; }
  saveCodeVerifier(verifier) { this.#verifier = verifier; }
  codeVerifier() { return this.#verifier; }
}

async function typescript({ url, clientId, redirect, letIn }, make, transportOf, finish) {
  const keeper = new Keeper(clientId, redirect);
  const transport = () => transportOf(new URL(url), { authProvider: keeper });
  const refused = transport();
  const failed = await make().connect(refused).then(() => null, (error) => error);
  if (!keeper.asked) throw new Error('the client did not ask to be let in', { cause: failed });
  await finish(refused, await letIn(keeper.asked));
  const client = make();
  const spoken = transport();
  await client.connect(spoken);
  const { tools } = await client.listTools();
  const call = () => client.callTool(CALL);
  return {
    protocol: client.getNegotiatedProtocolVersion?.() ?? spoken.protocolVersion,
    tools: tools.map(({ name }) => name),
    answer: (await call()).structuredContent,
    propose: async (name, given) => (await client.callTool({ name, arguments: given })).structuredContent,
    async renew() {
      const before = keeper.kept;
      keeper.kept = { ...before, access_token: 'not-one-of-ours' };
      await call();
      return keeper.kept.refresh_token !== before.refresh_token && keeper.kept.access_token !== before.access_token;
    },
    async shutOut() {
      keeper.asked = null;
      const failed = await call().then(() => null, (error) => error);
      return keeper.asked ? 'asks again' : failed?.code ?? failed?.errorCode;
    },
    close: () => client.close(),
  };
}

/** 2026-07-28, by the client's own choice. */
export const modern = (asks) => typescript(
  asks,
  () => new Modern({ name: 'modern', version: '1' }, { versionNegotiation: { mode: 'auto' } }),
  (url, options) => new ModernTransport(url, options),
  (transport, { searchParams }) => transport.finishAuth(searchParams),
);

/** 2025-11-25, the last that the earlier client knows. */
export const earlier = (asks) => typescript(
  asks,
  () => new Earlier({ name: 'earlier', version: '1' }),
  (url, options) => new EarlierTransport(url, options),
  (transport, { searchParams }) => transport.finishAuth(searchParams.get('code')),
);

export async function python({ url, clientId, redirect, letIn }) {
  const program = spawn(process.env.REVKEEP_PYTHON ?? 'python3', [PYTHON, url, clientId, redirect], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  const told = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the Python client ended');
    return JSON.parse(value);
  };
  const ask = (word) => {
    program.stdin.write(`${word}\n`);
    return told();
  };
  const { authorize } = await told();
  const begun = await ask(await letIn(new URL(authorize)));
  return {
    ...begun,
    renew: async () => (await ask('renew')).renewed,
    shutOut: async () => ('authorize' in (await ask('call')) ? 'asks again' : 'is served'),
    async close() {
      program.kill();
      await once(program, 'exit');
    },
  };
}
