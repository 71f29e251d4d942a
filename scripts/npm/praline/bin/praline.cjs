#!/usr/bin/env node
// The command `praline`: starts the program for this platform, hands signals and the exit code on, and leaves nothing
// behind, not even if it is killed itself: the program watches the pipe on its standard input.

'use strict';

const { spawn } = require('node:child_process');
const { constants } = require('node:os');
const { binary } = require('../lib/binary.cjs');

const args = process.argv.slice(2);
const options = { stdio: ['pipe', 'inherit', 'inherit'], env: { PRALINE_EXIT_WITH_STDIN: 'true', ...process.env } };

let child;
try {
  child = spawn(binary(), args, options);
} catch (error) {
  console.error(`Error: ${error.message}`);
  process.exit(1);
}
// The pipe breaks when the program ends first.
child.stdin.on('error', () => {});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.once('error', (error) => {
  console.error(`Error: ${error.message}`);
  process.exit(1);
});
child.once('exit', (code, signal) => {
  // As a shell counts a death by signal.
  process.exit(signal ? 128 + constants.signals[signal] : code);
});
