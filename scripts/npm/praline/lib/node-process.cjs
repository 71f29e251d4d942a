// One process of the program: started, waited for, stopped; and nothing of it left when this process ends, however it
// ends. On an ordinary exit it is killed here; after a SIGKILL of this process the pipe on its standard input breaks, which
// it takes for a SIGTERM.

'use strict';

const { spawn } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { binary } = require('./binary.cjs');

/** How long a process may take to stop before it is killed. */
const STOP_LIMIT_MS = 5000;
/** How long `startedSync` waits for a process to come up. */
const START_LIMIT_MS = 30_000;

const running = new Set();
const folders = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder for configs and data, removed by `removeFolder` or at the exit of this process. */
function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'praline-npm-'));
  folders.add(folder);
  return folder;
}

function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

class NodeProcess {
  /**
   * @param args the arguments; `onLine` is called for each line that is printed after the node listens; `accountsFile`
   *   is where the node writes its accounts, before it listens.
   */
  constructor(args, { cwd, onLine = () => {}, accountsFile } = {}) {
    this.accountsFile = accountsFile;
    this.isStopping = false;
    const arguments_ = accountsFile ? [...args, '--config-out', accountsFile] : args;
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PRALINE_')));
    this.child = spawn(binary(), [...arguments_, '--color', 'never'], {
      cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...environment, PRALINE_EXIT_WITH_STDIN: 'true' },
    });
    running.add(this.child);
    this.child.stdin.on('error', () => {});
    let errors = '';
    this.child.stderr.setEncoding('utf8').on('data', (text) => {
      if (errors.length < 65_536) errors += text;
    });
    /** Settles at the end of the process: `{code, signal, errors}`. */
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => {
        running.delete(this.child);
        resolve({ code: null, signal: null, errors: error.message });
      });
      this.child.once('close', (code, signal) => {
        running.delete(this.child);
        resolve({ code, signal, errors: errors.trim() });
      });
    });
    /** Settles when clients can connect: the RPC address, `127.0.0.1:8545`. Refused if the process ends before. */
    this.started = new Promise((resolve, reject) => {
      let address;
      let rest = '';
      this.child.stdout.setEncoding('utf8').on('data', (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        for (const line of lines) {
          if (address !== undefined) onLine(line);
          else if ((address = /^Listening on (\S+)/.exec(line)?.[1]) !== undefined) resolve(address);
        }
      });
      this.ended.then(({ code, signal, errors: said }) => {
        const reason = said.replace(/^Error: /, '') || `it ended with ${signal ?? `code ${code}`}`;
        reject(Object.assign(new Error(`praline cannot start: ${reason}`), { exitCode: code }));
      });
    });
    this.started.catch(() => {});
  }

  get hasEnded() {
    return this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined;
  }

  /** Whether this process is to be waited for while it runs, or lets Node exit when there is nothing else to do. */
  hold(isHeld) {
    for (const part of [this.child, this.child.stdin, this.child.stdout, this.child.stderr]) part[isHeld ? 'ref' : 'unref']();
  }

  /** What the node wrote about its accounts and chain; waits, without the event loop, for it to come up. */
  startedSync() {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (const end = Date.now() + START_LIMIT_MS; Date.now() < end; Atomics.wait(pause, 0, 0, 5)) {
      try {
        return JSON.parse(readFileSync(this.accountsFile, 'utf8'));
      } catch {
        // Not there yet, or not whole; or never, if the process is gone.
        try {
          process.kill(this.child.pid, 0);
        } catch {
          break;
        }
      }
    }
    throw new Error('praline has not started; await its first answer for the reason');
  }

  signal(name) {
    this.child.kill(name);
  }

  /** Asks it to stop, in the end with SIGKILL. */
  async stop() {
    this.isStopping = true;
    if (this.hasEnded) return this.ended;
    this.hold(true);
    this.signal('SIGTERM');
    // A paused process takes no other signal.
    if (process.platform !== 'win32') this.signal('SIGCONT');
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_LIMIT_MS);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  /** Ends it at once, as a crash would. */
  async kill() {
    this.isStopping = true;
    if (!this.hasEnded) this.signal('SIGKILL');
    return this.ended;
  }
}

module.exports = { NodeProcess, makeFolder, removeFolder };
