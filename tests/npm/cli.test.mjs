// The command `praline` from npm: arguments, signals, exit codes, and nothing left behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort, isListening, rpc, shim, silence, start } from './project.mjs';

async function startNode(...args) {
  const port = await freePort();
  const program = start(shim, ['--nodes', '1', '--port', `${port}`, '--ephemeral', ...args]);
  await program.until(/^Listening on 127\.0\.0\.1:(\d+)/);
  return { ...program, port };
}

test('arguments go to the program, its exit codes come back', async () => {
  const version = start(shim, ['--version']);
  assert.match(await version.line(), /^praline \d+\.\d+\.\d+/);
  assert.equal((await version.ended).code, 0);
  const wrong = await start(shim, ['--no-such-flag']).ended;
  assert.equal(wrong.code, 2);
  assert.match(wrong.errors, /no-such-flag/);
  const { child, port, ended } = await startNode();
  const second = await start(shim, ['--nodes', '1', '--port', `${port}`, '--ephemeral']).ended;
  assert.equal(second.code, 1);
  assert.match(second.errors, /already in use/i);
  child.kill('SIGTERM');
  await ended;
});

for (const [signal, code] of [
  ['SIGINT', 0],
  ['SIGTERM', 0],
  ['SIGHUP', 129],
]) {
  test(`${signal} is handed on: exit code ${code}`, async () => {
    const { child, port, ended } = await startNode();
    assert.equal(await rpc(`http://127.0.0.1:${port}`, 'eth_chainId'), '0x7a69');
    child.kill(signal);
    assert.deepEqual([(await ended).code, await isListening(port)], [code, false]);
  });
}

test('a SIGKILL of the command ends the node', async () => {
  const { child, port } = await startNode();
  child.kill('SIGKILL');
  await silence(port);
});
