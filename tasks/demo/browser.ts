/** Opens a page in the user's browser, where there is a screen and a program that knows which browser; tells whether. */
export function openInBrowser(url: string, environment: Readonly<Record<string, string | undefined>>): boolean {
  const hasScreen = ["DISPLAY", "WAYLAND_DISPLAY"].some((name) => (environment[name] ?? "") !== "");
  const opener = Bun.which("xdg-open", { PATH: environment["PATH"] ?? "" });
  if (!hasScreen || opener === null) return false;
  Bun.spawn([opener, url], { env: environment, stdin: "ignore", stdout: "ignore", stderr: "ignore" }).unref();
  return true;
}
