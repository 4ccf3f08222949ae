/** Standard normal quantiles of a two-sided level of 0.05 and a power of 0.8. */
const zLevel = 1.959963984540054;
const zPower = 0.8416212335729143;

/**
 * The smallest difference in accuracy that McNemar's test at the 0.05 level finds in four of five such runs:
 * Connor's sample size for paired proportions (Biometrics 43, 1987), solved for the difference. `items`
 * were asked of both models, `disagreements` of them were right for one alone. Null where the models disagree
 * so seldom that not even disagreements all in one direction would do.
 */
export function detectableDifference(items: number, disagreements: number): number | null {
  const slack = items + zPower ** 2 - zLevel ** 2;
  if (slack < 0 || disagreements === 0) return null;
  const share = disagreements / items;
  const difference =
    (Math.sqrt(share) * (zLevel * Math.sqrt(items) + zPower * Math.sqrt(slack))) / (items + zPower ** 2);
  return difference <= share ? difference : null;
}
