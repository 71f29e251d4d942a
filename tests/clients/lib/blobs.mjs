// Blobs with their EIP-4844 commitments and proofs, and EIP-7594 cell proofs.
//
// Libraries for this curve in JavaScript need some 15 seconds to load their tables, so the points were computed once,
// by kzg-wasm 1.0.0, and lie in `fixtures/blobs.json`; the blobs are made from their texts again here. (`cast`, whose
// library is native, makes its own: see the suite of cast.)

import { readFileSync } from 'node:fs';

/** The blob that holds a text of up to 31 bytes in its first field element. */
export function blobOf(text) {
  const blob = new Uint8Array(131072);
  blob.set(new TextEncoder().encode(text), 1);
  return blob;
}

export const blobs = JSON.parse(readFileSync(new URL('../fixtures/blobs.json', import.meta.url), 'utf8')).map(
  ({ text, commitment, proof, cellProofs }) => ({ data: blobOf(text), commitment, proof, cellProofs }),
);
