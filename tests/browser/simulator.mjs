// What a test does to the simulated Salesforce from outside, by its administrator's requests.

const url = () => process.env.SIM_URL;

async function command(method, path, body) {
  const response = await fetch(`${url()}/_sim/${path}`, {
    method,
    headers: { authorization: `Bearer ${process.env.SIM_ADMIN_TOKEN}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} _sim/${path}: ${response.status}: ${text}`);
  return text;
}

/** New leads, as if they had just come in; answers their ids. */
export async function leadsArrive(seed, leads) {
  return JSON.parse(await command("POST", "generate", { seed, leads })).leads;
}

/** Every write to a record is refused from now on, as by a validation rule. */
export const refuseWrites = () =>
  command("POST", "faults", {
    effect: { kind: "row", code: "FIELD_CUSTOM_VALIDATION_EXCEPTION", message: "The owner must be in the lead's region" },
  });

export const acceptWrites = () => command("DELETE", "faults");

/** The administrator of Salesforce revokes the grant; the next refresh is refused. */
export async function revokeGrant() {
  await command("POST", "revoke-grants", {});
  await command("POST", "expire-sessions", {});
}

/** The owner of each lead, by the lead's id, as Salesforce has it. */
export async function owners() {
  const lines = (await command("GET", "owners?sobject=Lead")).split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => JSON.parse(line)).map((row) => [row.id, row.owner]));
}
