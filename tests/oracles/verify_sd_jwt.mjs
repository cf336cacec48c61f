// Judges tokens with @sd-jwt/core: reads {"jwk", "now", "tokens"} from standard input, prints one {"ok", "claims"} a token.
import { createHash, createPublicKey, verify as checkSignature } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { SDJwtInstance } = createRequire(`${process.cwd()}/`)("@sd-jwt/core");
const { jwk, now, tokens } = JSON.parse(readFileSync(0, "utf8"));
const key = createPublicKey({ key: jwk, format: "jwk" });
const judge = new SDJwtInstance({
  hasher: (data, algorithm) => createHash(algorithm.replace("sha-", "sha")).update(Buffer.from(data)).digest(),
  hashAlg: "sha-256",
  verifier: (data, signature) =>
    checkSignature("sha256", Buffer.from(data), { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url")),
});
const told = [];
for (const token of tokens) {
  try {
    await judge.verify(token, { currentDate: now });
    told.push({ ok: true, claims: await judge.getClaims(token) });
  } catch (error) {
    told.push({ ok: false, claims: null, why: String(error) });
  }
}
console.log(JSON.stringify(told));
