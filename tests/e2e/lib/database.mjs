// A PostgreSQL of a test's own that tells its changes by wal2json, in the shape in which Supabase Realtime sends them.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { eventually } from "./browser.mjs";
import { need } from "./environment.mjs";

const programs = need("EVERFRESH_POSTGRES");

/** For tests that need it. */
export const skip = programs === "none" ? "there is no PostgreSQL with wal2json" : false;

/** Runs the server until the pipe to this script closes, which it does whatever becomes of the test. */
const KEEPER = `
programs=$1 folder=$2
"$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c TimeZone=UTC \
  -c wal_level=logical >"$folder/log" 2>&1 &
read -r _
kill -QUIT $!
wait
rm -rf "$folder"
`;

/**
 * What Supabase makes of a line of wal2json, without its decisions who may read it. A value is what the type's own text
 * comes to as JSON, and stays one of the database until it is text again: a number of JavaScript has fewer digits.
 */
const FUNCTIONS = `
create schema feed;

create function feed.value(written text, of regtype) returns jsonb language plpgsql as $$
  declare
    read jsonb;
  begin
    -- Bytes are told as wal2json writes them: hex without \\x, which would be read as other bytes.
    if of = 'bytea'::regtype then return to_jsonb(written); end if;
    execute format('select to_jsonb(%L::%s)', written, of) into read;
    return read;
  end
$$;

-- Of a line that is too long only what is short is told, and nothing of what is null.
create function feed.row(members jsonb, large boolean) returns jsonb language sql as $$
  select coalesce(jsonb_object_agg(name, read) filter (where not large or octet_length(read::text) <= 64), '{}')
  from jsonb_array_elements(members) member,
    lateral (select member->>'name', feed.value(member->'value' #>> '{}', (member->>'typeoid')::regtype)) one (name, read)
$$;

create function feed.columns(of regclass) returns jsonb language sql as $$
  select jsonb_agg(jsonb_build_object('name', attname, 'type', typname) order by attnum)
  from pg_attribute join pg_type on pg_type.oid = atttypid
  where attrelid = of and attnum > 0 and not attisdropped
$$;

create function feed.data(line jsonb, most integer) returns text language sql as $$
  select format(
    '{"columns":%s,"commit_timestamp":%s,"errors":%s,"schema":%s,"table":%s,"type":%s%s%s}',
    feed.columns(format('%I.%I', line->>'schema', line->>'table')::regclass),
    to_json(to_char((line->>'timestamp')::timestamptz at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
    case when large then '["Error 413: Payload Too Large"]' else 'null' end,
    line->'schema',
    line->'table',
    to_json(case line->>'action' when 'I' then 'INSERT' when 'U' then 'UPDATE' else 'DELETE' end),
    -- A large value that an update left as it was is not among the columns; the identity may have it.
    case when line->>'action' <> 'D' then concat(',"record":', old || feed.row(line->'columns', large)) end,
    case when line->>'action' <> 'I' then concat(',"old_record":', old) end
  )
  from
    (select octet_length(line::text) > most) limits (large),
    lateral (select feed.row(coalesce(line->'identity', '[]'), large)) identity (old)
$$;
`;

const OPTIONS = {
  "format-version": 2,
  "include-transaction": false,
  "include-timestamp": true,
  "include-type-oids": true,
  actions: "insert,update,delete",
};

/** PostgreSQL does not run as root: then as somebody else. */
function somebody() {
  if (process.getuid() !== 0) return {};
  const id = (...args) => Number(execFileSync("id", args, { stdio: ["ignore", "pipe", "ignore"] }));
  for (const name of ["postgres", "nobody"]) {
    try {
      return { uid: id("-u", name), gid: id("-g", name) };
    } catch {
      // There is nobody of that name.
    }
  }
  throw new Error("PostgreSQL does not run as root, and there is neither `postgres` nor `nobody`");
}

export class Database {
  #folder;
  #keeper;
  #ended;

  static async start() {
    const database = new Database();
    const folder = (database.#folder = await mkdtemp(join(tmpdir(), "everfresh-pg-")));
    const owner = somebody();
    if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid);
    const initdb = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D", join(folder, "data")];
    execFileSync(join(programs, "initdb"), initdb, { cwd: folder, stdio: ["ignore", "ignore", "inherit"], ...owner });
    const stdio = ["pipe", "ignore", "ignore"];
    database.#keeper = spawn("sh", ["-c", KEEPER, "sh", programs, folder], { cwd: folder, stdio, ...owner });
    database.#ended = once(database.#keeper, "exit");
    try {
      await eventually("PostgreSQL answers", () => database.sql("select 1").catch(({ message }) => message), (said) => said === "1");
      await database.sql(`${FUNCTIONS} select pg_create_logical_replication_slot('feed', 'wal2json')`);
    } catch (error) {
      await database.stop();
      throw error;
    }
    return database;
  }

  /** Ends it, and takes its folder away. */
  async stop() {
    this.#keeper.stdin.end();
    await this.#ended;
  }

  /** Runs statements, one after another as a person would type them, and gives what they print. */
  async sql(statements) {
    const args = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", this.#folder, "-U", "postgres", "-f", "-", "postgres"];
    const psql = spawn(join(programs, "psql"), args, { stdio: "pipe" });
    // Who has ended already takes nothing more; how it ended says why.
    psql.stdin.on("error", () => {});
    psql.stdin.end(statements);
    const [printed, complaint, [code]] = await Promise.all([text(psql.stdout), text(psql.stderr), once(psql, "close")]);
    if (code !== 0) throw new Error(`psql: ${complaint}`);
    return printed.trimEnd();
  }

  /**
   * What changed since the last question, each as the text of the `data` that Supabase Realtime sends.
   *
   * @param most the bytes of a line of wal2json from which on it is too large; 1 MB is Supabase's own
   */
  async changes({ most = 1024 * 1024 } = {}) {
    const options = Object.entries(OPTIONS).flat().map((one) => `'${one}'`);
    const lines = await this.sql(
      `select feed.data(data::jsonb, ${most}) from pg_logical_slot_get_changes('feed', null, null, ${options.join()})`,
    );
    return lines.split("\n").filter(Boolean).map(withoutSpaces);
  }
}

/** JSON as it goes over a wire; a database puts spaces between. */
const withoutSpaces = (json) => json.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (part) => (part[0] === '"' ? part : ""));
