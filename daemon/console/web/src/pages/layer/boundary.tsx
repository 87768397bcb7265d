// The boundary drawn: the CRM, the layer with its real fields, and the machines that may only see the layer.
import { UnstyledButton } from "@mantine/core";
import { IconArrowNarrowRight, IconCloud, IconLock, IconRobot } from "@tabler/icons-react";
import { useState } from "react";
import type { LayerField, LayerObject } from "../../api/types";
import { count, plural } from "../../lib/format";
import { Panel } from "../../ui/page";
import { Status } from "../../ui/status";
import { DATA_CLASS } from "./data-class";
import css from "./layer.module.css";

export function Boundary({ layer }: { layer: LayerObject }) {
  const [chosen, setChosen] = useState<LayerField>();
  const personal = layer.fields.filter((field) => field.data_class === "crm_personal").length;
  return (
    <Panel title="The boundary" note="What crosses, and what cannot. Choose a field to see why it is here.">
      <div className={css["boundary"]}>
        <div className={css["side"]}>
          <IconCloud size={22} stroke={1.6} aria-hidden />
          <strong>Salesforce</strong>
          <p>Every field of every object. Revkeep asks for the fields in the middle, and may write the owner of a lead or contact, nothing else.</p>
        </div>
        <IconArrowNarrowRight className={css["arrow"]} size={26} stroke={1.4} aria-label="pulls into" />
        <div className={css["layer"]}>
          <div className={css["layerHead"]}><strong>The layer</strong><span>{plural(layer.records, "record")}, {plural(layer.fields.length, "field")}</span></div>
          <div className={css["chips"]} role="group" aria-label="Fields in the layer">
            {layer.fields.map((field) => (
              <UnstyledButton
                key={field.id} className={css["chip"] ?? ""} aria-pressed={chosen?.id === field.id} data-personal={field.data_class === "crm_personal" || undefined}
                onClick={() => setChosen(chosen?.id === field.id ? undefined : field)}
              >
                {field.data_class === "crm_personal" ? <IconLock size={12} aria-label="personal" /> : null}{field.label}
              </UnstyledButton>
            ))}
          </div>
          {chosen ? (
            <div className={css["why"]} role="status">
              <Status tone={DATA_CLASS[chosen.data_class].tone}>{DATA_CLASS[chosen.data_class].word}</Status>
              <p><strong>{chosen.label}</strong>: {chosen.reason}</p>
              <p>{chosen.used_by.length > 0 ? `Read by ${plural(chosen.used_by.length, "rule")}: ${chosen.used_by.map((rule) => rule.name).join(", ")}.` : chosen.required ? "Read by routing itself." : "No rule reads it at the moment."}</p>
            </div>
          ) : null}
        </div>
        <IconArrowNarrowRight className={css["arrow"]} size={26} stroke={1.4} aria-label="is all that is seen by" />
        <div className={css["side"]}>
          <IconRobot size={22} stroke={1.6} aria-hidden />
          <strong>Machines</strong>
          <p>Rules today. No API key or MCP client exists yet; when one is granted, it can reach these {count(layer.fields.length)} fields at most, {personal === 0 ? "none of them personal" : `${count(personal)} of them personal`}.</p>
        </div>
      </div>
    </Panel>
  );
}
