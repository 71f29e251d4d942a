// Starts what the suites run against: anvil, or Praline as one node, as three in a process, or as three processes.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the project is. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The program under test. */
export const praline = process.env.PRALINE ?? join(root, 'target/debug/praline');

/**
 * The program of an npm package of Foundry for this machine. Those for Linux on x86-64 come with `npm ci`; on another
 * machine they are installed by hand, once.
 */
export function foundry(tool) {
  const machine = `${process.platform}-${{ x64: 'amd64' }[process.arch] ?? process.arch}`;
  const program = process.platform === 'win32' ? `${tool}.exe` : tool;
  try {
    return createRequire(import.meta.url).resolve(`@foundry-rs/${tool}-${machine}/bin/${program}`);
  } catch {
    throw new Error(`${tool} is missing: npm --prefix tests/clients install --no-save @foundry-rs/${tool}-${machine}@1.7.1`);
  }
}

const isFree = (port) =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });

/** The first of `count` free ports in a row, below the range from which the system gives out ports. */
export async function freePorts(count) {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const first = 11_000 + Math.floor(Math.random() * 19_000);
    const free = await Promise.all(Array.from({ length: count }, (_, step) => isFree(first + step)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

/** A running program whose lines on stdout can be waited for. */
export class Program {
  constructor(command, args, options = {}) {
    this.output = '';
    this.waiting = new Set();
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => resolve({ code, signal }));
      this.child.once('error', (error) => resolve({ error }));
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        if (this.output.length < 1 << 20) this.output += text;
        for (const check of this.waiting) check();
      });
    }
  }

  /** Waits until the output holds `count` times what `pattern` (global) finds. */
  async until(pattern, count = 1, limitMs = 60_000) {
    let check;
    const found = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${pattern} within ${limitMs} ms:\n${this.output}`)), limitMs);
      check = () => {
        if ((this.output.match(pattern) ?? []).length < count) return;
        clearTimeout(timer);
        resolve();
      };
      this.ended.then((end) => {
        clearTimeout(timer);
        reject(new Error(`ended (${JSON.stringify(end)}) before ${pattern}:\n${this.output}`));
      });
    });
    this.waiting.add(check);
    check();
    try {
      await found;
    } finally {
      this.waiting.delete(check);
    }
  }

  async stop() {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }
}

/** A machine in its worst hour may take longer than the default for what is not a matter of time at all. */
const patience = ['--write-timeout', '30000'];

/** Every program started here, so that none outlives this process. */
const running = new Set();
process.on('exit', () => running.forEach((program) => program.child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

export function start(command, args, options) {
  const program = new Program(command, args, options);
  running.add(program);
  program.ended.then(() => running.delete(program));
  return program;
}

/**
 * Starts a target; answers its addresses and how to stop it. `chainId`: other than 31337. `blockTimeSeconds`: blocks by
 * the clock and not for each transaction.
 */
export async function serve(target, { chainId, blockTimeSeconds } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'praline-clients-'));
  const programs = [];
  const listening = /Listening on /g;
  const chain = [...(chainId ? ['--chain-id', `${chainId}`] : []), ...(blockTimeSeconds ? ['--block-time', `${blockTimeSeconds}`] : [])];
  const stop = async () => {
    await Promise.all(programs.map((program) => program.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  /** Starts a node of three for the first time, or after its end. */
  const restart = (index) => {
    programs[index] = start(praline, ['node', '--config', 'cluster.toml', '--node', `node${index + 1}`, ...patience], { cwd: folder });
  };
  try {
    let count = 1;
    let port;
    if (target === 'anvil') {
      port = await freePorts(1);
      programs.push(start(foundry('anvil'), ['--port', `${port}`, ...chain]));
      await programs[0].until(listening);
    } else if (target === 'one' || target === 'three-in-one') {
      count = target === 'one' ? 1 : 3;
      port = await freePorts(count);
      const args = ['--nodes', `${count}`, '--port', `${port}`, '--data-dir', join(folder, 'data'), ...chain, ...patience];
      programs.push(start(praline, args, { cwd: folder }));
      await programs[0].until(listening, count);
    } else if (target === 'three') {
      count = 3;
      port = await freePorts(2 * count);
      let config = readFileSync(join(root, 'chain-config/cluster.toml'), 'utf8');
      if (chainId) config = config.replace(/^chain_id = .*$/m, `chain_id = ${chainId}`);
      if (blockTimeSeconds) {
        config = config.replace(/^automine = true/m, 'automine = false');
        config = config.replace(/^interval_ms = 0/m, `interval_ms = ${blockTimeSeconds * 1000}`);
      }
      for (let step = 0; step < count; step += 1) {
        config = config.replace(`127.0.0.1:${8545 + step}`, `127.0.0.1:${port + step}`);
        config = config.replace(`127.0.0.1:${30545 + step}`, `127.0.0.1:${port + count + step}`);
      }
      writeFileSync(join(folder, 'cluster.toml'), config);
      for (let index = 0; index < count; index += 1) restart(index);
      await Promise.all(programs.map((program) => program.until(listening)));
    } else {
      throw new Error(`unknown target ${target}: anvil, one, three or three-in-one`);
    }
    const addresses = Array.from({ length: count }, (_, step) => `http://127.0.0.1:${port + step}`);
    return { urls: addresses, programs, stop, restart };
  } catch (error) {
    await stop();
    throw error;
  }
}
