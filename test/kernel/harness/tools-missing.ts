/** This host lacks what a guest is made with or from, and cannot get it: that says nothing of what was to be tested. */
export class ToolsMissing extends Error {
  override readonly name = "ToolsMissing";
}
