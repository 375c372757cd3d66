// @openfeature/flagd-core: a flag for each list, whose targeting is one `if` with a branch for each plan.

import { FlagdCore } from "@openfeature/flagd-core";
import { measure } from "./measure.mjs";

const condition = ([operator, attribute, ...values]) => {
  const value = { var: attribute };
  switch (operator) {
    case "is":
      return { "===": [value, values[0]] };
    case "in":
      return { in: [value, values[0]] };
    case "version":
      return { sem_ver: [value, ">=", values[0]] };
    case "between":
      return { "<=": [values[0], value, values[1]] };
    case "below":
      return { "<": [value, values[0]] };
    default:
      throw new Error(`unknown operator ${operator}`);
  }
};

const silent = { error() {}, warn() {}, info() {}, debug() {} };

measure({
  write(modules) {
    const flags = modules.map((plans, number) => {
      const branches = plans.flatMap((predicates, plan) => [{ and: predicates.map(condition) }, `${plan}`]);
      const variants = Object.fromEntries(plans.map((_, plan) => [`${plan}`, `${plan}`]));
      const targeting = { if: [...branches, "none"] };
      return [
        `m${number}`,
        { state: "ENABLED", defaultVariant: "none", variants: { ...variants, none: "-1" }, targeting },
      ];
    });
    return JSON.stringify({ flags: Object.fromEntries(flags) });
  },
  load(text) {
    const core = new FlagdCore(undefined, silent);
    core.setConfigurations(text);
    const keys = [...core.getFlags().keys()];
    for (const key of keys) {
      const { reason, errorMessage } = core.getFlag(key).evaluate({}, silent);
      if (reason === "ERROR" && /Invalid/.test(errorMessage)) throw new Error(errorMessage);
    }
    return { core, keys };
  },
  context(attributes, number) {
    return { targetingKey: `u-${number}`, ...attributes };
  },
  winners({ core, keys }, context) {
    return keys.map((key) => Number(core.resolveStringEvaluation(key, "error", context, silent).value));
  },
});
