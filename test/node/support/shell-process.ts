/** Runs on a node: runs the commands that it is sent, JSON arrays of arguments, and answers with what became of each. */
const [listen = ""] = process.argv.slice(2);
const [hostname = "", port = ""] = listen.split(":");

Bun.serve({
  hostname,
  port: Number(port),
  idleTimeout: 0,
  async fetch(request) {
    const { argv, isLeft } = (await request.json()) as { readonly argv: string[]; readonly isLeft: boolean };
    if (isLeft) {
      const child = Bun.spawn(argv, { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
      return Response.json({ exitCode: 0, stdout: String(child.pid), stderr: "" });
    }
    const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return Response.json({ exitCode, stdout, stderr });
  },
});
