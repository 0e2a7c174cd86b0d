import { assert, assertEquals } from "@std/assert";
import { makeRows, makeTargets } from "./evaluation_cases.ts";
import { assertRefused, recordOf, surprisal, writeLogits, writeTargets } from "./evaluation_files.ts";
import { inFolder } from "./folder.ts";

Deno.test("merge makes the single comparison's bits of 1, 3 and 8 shards, in any order, and in two steps", () =>
  inFolder(async (folder) => {
    const rows = makeRows(11, 130, 64),
      targets = `${folder}/t.txt`,
      [base, other] = ["a", "b"].map((x) => `${folder}/${x}.safetensors`);
    rows[7][2] = -Infinity;
    await writeLogits(base, "f16", rows);
    await writeLogits(other, "bf16", rows.map((row) => row.map((value) => value * 0.99)));
    await writeTargets(targets, makeTargets(12, rows));
    const args = ["compare", base, other, "--targets", targets],
      whole = await recordOf(...args, "--partial", `${folder}/whole.json`);
    for (const edges of [[0, 130], [0, 33, 34, 130], [0, 16, 32, 48, 64, 80, 100, 120, 130]]) {
      const shards = await Promise.all(
        edges.slice(1).map(async (to, i) => {
          const partial = `${folder}/${edges.length}-${i}.json`;
          await recordOf(...args, "--rows", `${edges[i]}:${to}`, "--block", `${3 + i}`, "--partial", partial);
          return partial;
        }),
      );
      const scrambled = shards.toSorted((a, b) => a.slice(-6) < b.slice(-6) ? 1 : -1), once = `${folder}/once.json`;
      const middle = shards.length >> 1,
        again = [shards.slice(middle), shards.slice(0, middle)].filter(({ length }) => length > 0);
      assertEquals(await recordOf("merge", ...scrambled, "--partial", once), whole);
      assertEquals(await Deno.readTextFile(once), await Deno.readTextFile(`${folder}/whole.json`));
      const halves = await Promise.all(again.map(async (part, i) => {
        await recordOf("merge", ...part, "--partial", `${folder}/half-${i}.json`);
        return `${folder}/half-${i}.json`;
      }));
      assertEquals(await recordOf("merge", ...halves), whole);
    }
    const [printed, direct] = [await surprisal("merge", `${folder}/whole.json`), await surprisal(...args)];
    // All but what the machine took
    assertEquals(printed.out.trimEnd(), direct.out.slice(0, direct.out.lastIndexOf("\n\n")));
    const plot = `${folder}/merged.svg`;
    assertEquals((await surprisal("merge", `${folder}/whole.json`, "--plot", plot)).code, 0);
    assert((await Deno.readTextFile(plot)).startsWith("<svg"));
  }));

Deno.test("merge refuses what does not belong together with a line that names it", () =>
  inFolder(async (folder) => {
    const logits = `${folder}/a.safetensors`, rows = makeRows(13, 30, 20), targets = `${folder}/t.txt`;
    await writeLogits(logits, "f32", rows);
    await writeTargets(targets, makeTargets(14, rows));
    const scored = async (name: string, ...args: string[]) => {
      await recordOf("score", logits, "--targets", targets, "--partial", `${folder}/${name}`, ...args);
      return `${folder}/${name}`;
    };
    const first = await scored("first.json", "--rows", "0:10"), second = await scored("second.json", "--rows", "9:30");
    const warm = await scored("warm.json", "--rows", "10:30", "--temperature", "2");
    await recordOf("compare", logits, logits, "--partial", `${folder}/pair.json`);
    await assertRefused("<partial>", "merge");
    await assertRefused("none.json", "merge", first, `${folder}/none.json`);
    await assertRefused("rows 9:10", "merge", first, second);
    await assertRefused("temperature is 2, not 1", "merge", first, warm);
    await assertRefused("kind is compare, not score", "merge", first, `${folder}/pair.json`);
    await assertRefused("no partial result", "merge", targets);
    await assertRefused("'a.pdf'", "merge", first, "--plot", "a.pdf");
  }));

Deno.test("an interrupt ends a comparison after its block; what is left to do makes the whole of it", () =>
  inFolder(async (folder) => {
    const rows = Array.from({ length: 40 }, () => makeRows(15, 200, 16)).flat();
    const [base, other] = ["a", "b"].map((name) => `${folder}/${name}.safetensors`);
    await writeLogits(base, "f32", rows);
    await writeLogits(other, "f16", rows);
    const script = new URL("../src/cli/main.ts", import.meta.url).href, partial = `${folder}/begun.json`;
    const args = ["compare", base, other, "--block", "1", "--json", "--partial", partial];
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--allow-read", "--allow-write", script, ...args],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // The first thing it says is that it has begun
    const [spoken, heard] = child.stderr.tee();
    await spoken.getReader().read();
    await new Promise((done) => setTimeout(done, 300));
    child.kill("SIGINT");
    const [{ code }, out, err] = await Promise.all([
      child.status,
      new Response(child.stdout).text(),
      new Response(heard).text(),
    ]);
    assertEquals(code, 130, err);
    const { rows: counts, interrupted, parts } = JSON.parse(out), done = interrupted.done as number;
    assert(done > 0 && done < 8000, `${done}`);
    assertEquals([counts.read, interrupted, parts[0].to], [done, { done, of: 8000 }, done]);
    const rest = `${folder}/rest.json`;
    await recordOf("compare", base, other, "--rows", `${done}:`, "--partial", rest);
    assertEquals(await recordOf("merge", rest, partial), await recordOf("compare", base, other));
  }));
