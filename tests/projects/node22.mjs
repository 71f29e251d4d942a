// Where Node 22 or later is: this one, or that of `node/`.

import { createRequire } from 'node:module';

export function node22() {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  return createRequire(new URL('node/', import.meta.url)).resolve(`node-${process.platform}-${process.arch}/bin/node`);
}
