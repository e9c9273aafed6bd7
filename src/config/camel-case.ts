/** `health-path` as `healthPath`. */
export function camelCase(name: string): string {
  return name.replaceAll(/-([a-z\d])/g, (_, letter: string) => letter.toUpperCase());
}

/** `healthPath` as `health-path`; what is not in camel case stays as it is. */
export function kebabCase(name: string): string {
  const kebab = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return camelCase(kebab) === name ? kebab : name;
}
