// What `revkeep doctor` finds, with the next step beside each.
import { Code } from "@mantine/core";
import { IconStethoscope } from "@tabler/icons-react";
import type { Finding, Findings as Told } from "../../api/system";
import { plural } from "../../lib/format";
import { helpForSubject } from "../../lib/help";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Status, ToneIcon } from "../../ui/status";
import ui from "../../ui/ui.module.css";
import { Scrolled } from "./scrolled";
import css from "./system.module.css";
import { amiss, pieces, TONES, VERDICTS } from "./words";

export function Findings({ told }: { told: Told }) {
  const open = amiss(told.findings);
  const well = told.findings.length - open.length;
  return (
    <Panel title={open.length === 0 ? "Nothing needs a hand" : "Needs a hand"} note={<>{plural(told.findings.length, "thing was", "things were")} looked at <Time at={told.at} ago />, {well} of them well.</>} flush>
      {open.length > 0 ? <ul className={css["findings"]}>{open.map((finding) => <Open key={finding.subject + finding.detail} finding={finding} />)}</ul> : null}
      <details className={css["looked"]}>
        <summary><IconStethoscope size={16} aria-hidden /> Everything that was looked at</summary>
        <Scrolled label="Everything that was looked at">
          <table className={ui["plainTable"]} aria-label="Everything that was looked at">
            <thead><tr><th scope="col">Subject</th><th scope="col">State</th><th scope="col">What was found</th></tr></thead>
            <tbody>
              {told.findings.map((finding) => (
                <tr key={finding.subject + finding.detail}>
                  <td className={ui["whole"]}><span className={css["subject"]}>{finding.subject}</span></td>
                  <td><Status tone={TONES[finding.verdict]}>{VERDICTS[finding.verdict]}</Status></td>
                  <td className={css["found"]}>{finding.detail}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolled>
      </details>
    </Panel>
  );
}

function Open({ finding }: { finding: Finding }) {
  const help = helpForSubject(finding.subject);
  return (
    <li data-tone={TONES[finding.verdict]}>
      <ToneIcon tone={TONES[finding.verdict]} size={18} />
      <div>
        <strong className={css["subject"]}>{finding.subject}</strong> <Status tone={TONES[finding.verdict]}>{VERDICTS[finding.verdict]}</Status>
        <p><Told text={finding.detail} /></p>
        {finding.next_step ? <p className={css["next"]}>Next: <Told text={finding.next_step} />{help ? <> <a href={help} target="_blank" rel="noreferrer">What helps</a></> : null}</p> : null}
      </div>
    </li>
  );
}

function Told({ text }: { text: string }) {
  return <>{pieces(text).map((part, index) => (part.code ? <Code key={index}>{part.text}</Code> : <span key={index}>{part.text}</span>))}</>;
}
