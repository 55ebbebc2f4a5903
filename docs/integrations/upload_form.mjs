// A web page that takes files, and keeps those in which Freehold finds nothing; needs nothing but Node 18 or later.
//
//     FREEHOLD_SOCKET=/run/freehold/clamd.sock UPLOADS=/srv/uploads node upload_form.mjs 8000
//
// The page sends a file as the body of a PUT, so that nothing here has to parse a form.

import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

const SOCKET = process.env.FREEHOLD_SOCKET ?? "/run/freehold/clamd.sock";
const FOLDER = process.env.UPLOADS ?? "uploads";
const LONGEST = 100 << 20;
const PAGE = `<!DOCTYPE html><html lang="en"><title>Upload</title>
<label>File <input type="file" id="file"></label> <p role="status" id="said"></p>
<script type="module">
document.getElementById("file").onchange = async ({ target }) => {
  const answer = await fetch("/", { method: "PUT", body: target.files[0] });
  document.getElementById("said").textContent = await answer.text();
};
</script>`;

/** Return clamd's answer about a file: it ends with OK, FOUND or ERROR. */
function examine(path) {
  return new Promise((resolve, reject) => {
    const daemon = connect(SOCKET);
    let answer = "";
    daemon.setTimeout(180_000, () => daemon.destroy(new Error("no answer in time")));
    daemon.on("data", (piece) => (answer += piece));
    daemon.on("error", reject);
    daemon.on("end", () => resolve(answer.replace(/\0$/, "")));
    daemon.write("zINSTREAM\0");
    const chunks = new Transform({
      transform(piece, _, done) {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(piece.length);
        this.push(length);
        done(null, piece);
      },
      flush(done) {
        done(null, Buffer.alloc(4));
      },
    });
    pipeline(createReadStream(path), chunks, daemon, { end: false }).catch(reject);
  });
}

/** Keep what a request brings if nothing is found in it; return the HTTP status and a sentence. */
async function keep(request) {
  const name = randomBytes(16).toString("hex"); // never what the client calls it
  const path = join(FOLDER, name);
  try {
    let size = 0;
    const bounded = async function* (pieces) {
      for await (const piece of pieces) {
        if ((size += piece.length) > LONGEST) throw new Error(`it is longer than ${LONGEST} bytes`);
        yield piece;
      }
    };
    await pipeline(request, bounded, createWriteStream(`${path}.new`, { flags: "wx", mode: 0o600 }));
    const answer = (await examine(`${path}.new`)).replace(/^stream: /, "");
    if (answer.endsWith("FOUND")) return [422, `The file was refused: ${answer}`];
    if (!answer.endsWith("OK")) return [422, `The file could not be examined: ${answer}`]; // not known to be clean
    await rename(`${path}.new`, path);
    return [201, `Kept as ${name}`];
  } catch (error) {
    return [503, `The file could not be examined: ${error.message}`];
  } finally {
    await rm(`${path}.new`, { force: true });
  }
}

mkdirSync(FOLDER, { recursive: true });
const server = createServer(async (request, response) => {
  if (request.method !== "PUT") {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(PAGE);
    return;
  }
  const [status, words] = await keep(request);
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(`${words}\n`);
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
