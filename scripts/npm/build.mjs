// Makes the npm packages as tarballs: `praline` and, for each program given, `praline-<os>-<cpu>` with that program in it.
//
//   node scripts/npm/build.mjs OUT linux-x64=target/release/praline [darwin-arm64=… win32-x64=…]
//
// Names of systems and processors are Node's (`process.platform`, `process.arch`). The version is that of Cargo.toml. The
// last lines are the tarballs' paths; publish those of the platforms first. Nothing is published here.

import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const { packageFor } = createRequire(import.meta.url)('./praline/lib/binary.cjs');

const [out, ...programs] = process.argv.slice(2);
if (!out || programs.length === 0 || !programs.every((program) => /^\w+-\w+=./.test(program))) {
  console.error('usage: node scripts/npm/build.mjs OUT OS-CPU=PROGRAM…, for example linux-x64=target/release/praline');
  process.exit(2);
}

const version = /^version = "(.+)"$/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))[1];
const work = mkdtempSync(join(tmpdir(), 'praline-npm-build-'));
const write = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);

/** Packs a folder; answers the tarball's path. */
function pack(folder) {
  const said = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', resolve(out)], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32',
  });
  return join(resolve(out), JSON.parse(said)[0].filename);
}

function addLicenses(folder) {
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) cpSync(join(root, name), join(folder, name));
}

function platformPackage(platform, arch, program) {
  const name = packageFor(platform, arch);
  const folder = join(work, name);
  const file = platform === 'win32' ? 'praline.exe' : 'praline';
  mkdirSync(join(folder, 'bin'), { recursive: true });
  cpSync(program, join(folder, 'bin', file));
  chmodSync(join(folder, 'bin', file), 0o755);
  addLicenses(folder);
  write(join(folder, 'package.json'), {
    name,
    version,
    description: `The program of the package \`praline\`, for ${platform} on ${arch}`,
    license: 'MIT OR Apache-2.0',
    os: [platform],
    cpu: [arch],
    files: ['bin', 'LICENSE-*'],
    preferUnplugged: true,
  });
  return pack(folder);
}

try {
  mkdirSync(out, { recursive: true });
  const folder = join(work, 'praline');
  cpSync(join(here, 'praline'), folder, { recursive: true, filter: (source) => !source.includes('node_modules') });
  addLicenses(folder);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  manifest.version = version;
  const tarballs = [];
  for (const entry of programs) {
    const [target, program] = [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)];
    const [platform, arch] = target.split('-');
    manifest.optionalDependencies[packageFor(platform, arch)] = version;
    tarballs.push(platformPackage(platform, arch, program));
  }
  write(join(folder, 'package.json'), manifest);
  tarballs.push(pack(folder));
  for (const tarball of tarballs) console.log(tarball);
} finally {
  rmSync(work, { recursive: true, force: true });
}
