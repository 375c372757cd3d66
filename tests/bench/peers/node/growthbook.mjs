// @growthbook/growthbook: a feature for each list, a forced value for each plan.

import { GrowthBookClient } from "@growthbook/growthbook";
import { measure } from "./measure.mjs";

const condition = ([operator, attribute, ...values]) => {
  switch (operator) {
    case "is":
      return [attribute, values[0]];
    case "in":
      return [attribute, { $in: values[0] }];
    case "version":
      return [attribute, { $vgte: values[0] }];
    case "between":
      return [attribute, { $gte: values[0], $lte: values[1] }];
    case "below":
      return [attribute, { $lt: values[0] }];
    default:
      throw new Error(`unknown operator ${operator}`);
  }
};

measure({
  write(modules) {
    const features = modules.map((plans, number) => [
      `m${number}`,
      {
        defaultValue: -1,
        rules: plans.map((predicates, plan) => ({
          condition: Object.fromEntries(predicates.map(condition)),
          force: plan,
        })),
      },
    ]);
    return JSON.stringify({ features: Object.fromEntries(features) });
  },
  load(text) {
    const payload = JSON.parse(text);
    const client = new GrowthBookClient().initSync({ payload });
    return { client, keys: Object.keys(payload.features) };
  },
  context(attributes, number) {
    return { attributes: { id: `u-${number}`, ...attributes } };
  },
  winners({ client, keys }, context) {
    return keys.map((key) => client.evalFeature(key, context).value);
  },
});
