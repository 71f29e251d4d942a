// The project with the installed package, and what the suites share.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Where the package is installed. */
export const project = process.env.PRALINE_PROJECT;
export const installed = join(project, 'node_modules/praline');
export const shim = join(project, 'node_modules/.bin/praline');

/** What a program of the project gets for `import … from 'praline'`. */
export const api = await import(pathToFileURL(join(installed, 'index.mjs')));

/** Options of nodes that say nothing. */
export const quiet = { logging: { quiet: true } };

export async function rpc(url, method, params = []) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { result, error } = await response.json();
  if (error) throw Object.assign(new Error(error.message), { code: error.code });
  return result;
}

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export const isListening = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => {}).on('connect', () => socket.destroy());
  });

/** Resolves when nobody listens at a port any more. */
export async function silence(port, limitMs = 10_000) {
  for (const end = Date.now() + limitMs; Date.now() < end; ) {
    if (!(await isListening(port))) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`somebody still listens at ${port}`);
}

let scripts = 0;
/** Runs a program of the project; `line()` is the next line it prints, `ended` how it ended. */
export function runScript(source, { extension = 'mjs' } = {}) {
  const file = join(project, `script-${process.pid}-${(scripts += 1)}.${extension}`);
  writeFileSync(file, source);
  return start(process.execPath, [file]);
}

export function start(command, args, options = {}) {
  const child = spawn(command, args, { cwd: project, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const lines = [];
  const waiting = [];
  let rest = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop();
    for (const line of parts) (waiting.shift()?.resolve ?? ((late) => lines.push(late)))(line);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  const ended = new Promise((resolve) => {
    child.once('close', (code, signal) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`ended with ${signal ?? code}: ${errors}`));
      resolve({ code, signal, errors });
    });
  });
  const line = () =>
    lines.length > 0 ? Promise.resolve(lines.shift()) : new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  /** The first line that a pattern finds. */
  const until = async (pattern) => {
    for (;;) {
      const found = pattern.exec(await line());
      if (found) return found;
    }
  };
  return { child, line, until, ended };
}
