// Programs that use the package, as whole processes: nothing is left running when they end, however they end.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { project, runScript, silence } from './project.mjs';

const startCluster = `
  import { cluster } from 'praline';
  const made = await cluster({ nodes: 3 });
  console.log(made.urls.join(' '));
`;

test('a program that is killed with SIGKILL leaves no node behind', async () => {
  const program = runScript(`${startCluster} setInterval(() => {}, 1000);`);
  const urls = (await program.line()).split(' ');
  program.child.kill('SIGKILL');
  await program.ended;
  await Promise.all(urls.map((url) => silence(Number(new URL(url).port))));
});

test('a program that exits without closing leaves neither nodes nor folders behind', async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'praline-life-'));
  const script = runScriptIn(temporary, `${startCluster} process.exit(3);`);
  const urls = (await script.line()).split(' ');
  assert.equal((await script.ended).code, 3);
  await Promise.all(urls.map((url) => silence(Number(new URL(url).port))));
  assert.deepEqual(readdirSync(temporary), []);
  rmSync(temporary, { recursive: true });
});

function runScriptIn(temporary, source) {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = temporary;
  try {
    return runScript(source);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

test('a program that only has a provider ends when it is done; one with a server goes on until it is closed', async () => {
  const withProvider = runScript(`
    import { provider } from 'praline';
    const made = provider({ logging: { quiet: true } });
    console.log(await made.request({ method: 'eth_chainId' }));
  `);
  assert.equal(await withProvider.line(), '0x539');
  assert.equal((await withProvider.ended).code, 0);
  const withServer = runScript(`
    import { server } from 'praline';
    const made = server({ logging: { quiet: true } });
    await made.listen(0);
    console.log(made.address().port);
    process.once('SIGTERM', () => made.close());
  `);
  const port = Number(await withServer.line());
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(withServer.child.exitCode, null);
  withServer.child.kill('SIGTERM');
  assert.equal((await withServer.ended).code, 0);
  await silence(port);
});

test('CommonJS, and the default export as ganache’s', async () => {
  const script = runScript(
    `
    const praline = require('praline');
    const same = praline.default.server === praline.server;
    import('praline').then((module) => console.log(same, module.default.server === praline.server, typeof module.cluster));
  `,
    { extension: 'cjs' },
  );
  assert.equal(await script.line(), 'true true function');
});

test('without the platform’s package the error says what to do', async () => {
  const name = `praline-${process.platform}-${process.arch}`;
  // A copy of the package alone.
  const copy = mkdtempSync(join(tmpdir(), 'praline-copy-'));
  cpSync(join(project, 'node_modules/praline'), copy, { recursive: true });
  const script = runScript(`
    import { createRequire } from 'node:module';
    try { createRequire(${JSON.stringify(join(copy, 'package.json'))})('./lib/binary.cjs').binary(); }
    catch (error) { console.log(error.message); }
  `);
  assert.match(await script.line(), new RegExp(`the package \`${name}\` is missing\\. .*--omit=optional`));
  rmSync(copy, { recursive: true });
});

test('types: what compiles and what does not', () => {
  const tsc = join(project, 'node_modules/typescript/bin/tsc');
  for (const extension of ['mts', 'cts']) {
    const importing =
      extension === 'mts'
        ? "import praline, { cluster } from 'praline';"
        : "import praline = require('praline');\nconst { cluster } = praline;";
    writeFileSync(
      join(project, `types.${extension}`),
      `${importing}
async function main(): Promise<void> {
  const server = praline.server({ chain: { chainId: 1 }, wallet: { totalAccounts: 1, deterministic: true }, logging: { quiet: true } });
  await server.listen(8545);
  server.listen(8545, '127.0.0.1', (error: Error | null) => void error);
  const port: number | undefined = server.address()?.port;
  const balance: bigint = server.provider.getInitialAccounts()['0x']!.balance;
  const chainId: string = await server.provider.request<string>({ method: 'eth_chainId' });
  server.provider.on('message', ({ data }) => data.subscription.length);
  server.provider.on('connect', (info) => info.chainId.length);
  const nodes = await cluster({ nodes: 3, miner: { blockTime: 1 } });
  await nodes.partition([[0], [1, 2]]);
  await nodes.kill((await nodes.leader()) ?? 0);
  nodes.on('exit', (node, end) => void [node + 1, end.signal]);
  // @ts-expect-error: not an option
  praline.provider({ chain: { chainID: 1 } });
  // @ts-expect-error: nodes are numbered
  await nodes.kill('node1');
  void [port, balance, chainId];
}
void main;
`,
    );
    const args = [
      tsc,
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--module',
      'nodenext',
      '--types',
      'node',
      `types.${extension}`,
    ];
    try {
      execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
    } catch (error) {
      assert.fail(error.stdout);
    }
  }
});
