import type { Target } from "../../api/siem";
import { Status } from "../../ui/status";
import { stateOf } from "./words";

export function TargetState({ target }: { target: Target }) {
  const { tone, word } = stateOf(target);
  return <Status tone={tone}>{word}</Status>;
}
