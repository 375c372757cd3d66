// The Python client, in an environment that `scripts/tools ofrep-python` makes.

import { execFile } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { edge } from "./edges.mjs";

const python = process.env.SKYFUL_OFREP_PYTHON;

test("native: the Python client gets pages and modules", { skip: !python && "SKYFUL_OFREP_PYTHON is not set" }, async (t) => {
  const { url } = await edge(t, "native", { title: "Hello" });
  const script = path.join(import.meta.dirname, "clients.py");
  const { stdout } = await promisify(execFile)(python, [script, url]);
  t.diagnostic(stdout.trim());
});
