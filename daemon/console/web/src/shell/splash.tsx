import { Loader } from "@mantine/core";
import { useSlow } from "../ui/states";
import css from "./shell.module.css";

/** While the session is being opened; nothing for the first moment, so that a quick start never flickers. */
export function Splash() {
  const slow = useSlow(400);
  return <div className={css["splash"]} role="status" aria-label="Opening Revkeep">{slow ? <Loader size="sm" /> : null}</div>;
}
