// The list of records: virtualised rows in a real table, j/k/Enter, a permalink in each row, one flash for a change.
import { Button } from "@mantine/core";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { count, plural } from "../lib/format";
import { openInApp } from "./page";
import { useSteady } from "./steady";
import css from "./table.module.css";

export interface Column<T> {
  id: string;
  header: string;
  cell(row: T): ReactNode;
  /** CSS width; the columns without one share the rest. */
  width?: string;
  right?: boolean;
  hideBelow?: "sm" | "md" | "lg";
}

interface RecordTableProps<T> {
  label: string;
  rows: T[];
  columns: Column<T>[];
  rowKey(row: T): string;
  /** Text that changes when the row changed in a way worth a flash. */
  rowState?(row: T): string;
  /** The row's address; the first column becomes its link. */
  href?(row: T): string;
  onOpen?(row: T): void;
  selected?: string | undefined;
  total?: number | undefined;
  more?: { load(): void; loading: boolean } | undefined;
  /** Set when so much is loaded that the list no longer renews itself. */
  onNewest?: (() => void) | undefined;
}

const ROW = 45;
const HIDE = { sm: css["hideSm"], md: css["hideMd"], lg: css["hideLg"] };

export function RecordTable<T>(props: RecordTableProps<T>) {
  const { columns, more } = props;
  const { rows, waiting, show, hold } = useSteady(props.rows, props.rowKey);
  const holder = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => setOffset((holder.current?.offsetTop ?? 0) + 36), []);
  const virtual = useWindowVirtualizer({
    count: rows.length, estimateSize: () => ROW, overscan: 16, scrollMargin: offset, measureElement: (row) => row.getBoundingClientRect().height,
  });
  const shown = virtual.getVirtualItems();
  const flashing = useFlashes(rows, props.rowKey, props.rowState);
  useRowKeys(holder, rows.length, (index) => virtual.scrollToIndex(index, { align: "auto" }));

  const last = shown.at(-1)?.index ?? 0;
  const loadMore = more?.load;
  useEffect(() => {
    if (loadMore && !more.loading && rows.length > 0 && last >= rows.length - 10) loadMore();
  }, [last, rows.length, loadMore, more?.loading]);

  const before = (shown.at(0)?.start ?? offset) - offset;
  const after = virtual.getTotalSize() - ((shown.at(-1)?.end ?? offset) - offset);
  return (
    <div ref={holder} className={css["holder"]}>
      {waiting > 0 ? <button type="button" className={css["waiting"]} onClick={show}>{plural(waiting, "new row")}. Show</button> : null}
      <table className={css["table"]} aria-label={props.label} aria-rowcount={props.total ?? rows.length}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.id} scope="col" className={cellClass(column)} style={column.width ? { "--column": column.width } as React.CSSProperties : undefined}>{column.header}</th>
            ))}
          </tr>
        </thead>
        <tbody onPointerEnter={(event) => { if (event.pointerType === "mouse") hold(true); }} onPointerLeave={() => hold(false)}>
          {before > 0 ? <Spacer height={before} /> : null}
          {shown.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            const key = props.rowKey(row);
            return (
              <tr
                key={key}
                ref={virtual.measureElement}
                data-index={item.index}
                aria-rowindex={item.index + 2}
                className={css["row"]}
                data-opens={props.onOpen ? true : undefined}
                data-selected={props.selected === key ? true : undefined}
                data-flash={flashing.has(key) ? true : undefined}
                onClick={props.onOpen ? (event) => { if (!(event.target as Element).closest("a, button, input")) props.onOpen?.(row); } : undefined}
              >
                {columns.map((column, at) => (
                  <td key={column.id} className={cellClass(column)}>
                    {at === 0 ? <FirstCell row={row} column={column} table={props} /> : column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          {after > 0 ? <Spacer height={after} /> : null}
        </tbody>
      </table>
      <div className={css["foot"]}>
        <span>{props.total === undefined ? `${count(rows.length)} shown` : `${count(rows.length)} of ${count(props.total)} shown`}</span>
        {props.onNewest ? <span>Renewal rests while you read this far. <Button size="compact-xs" variant="default" onClick={props.onNewest}>Back to the newest</Button></span> : null}
        {more ? <Button size="xs" variant="default" loading={more.loading} onClick={more.load}>Show more</Button> : null}
        {props.onOpen ? <span className={css["keys"]}><kbd>j</kbd> <kbd>k</kbd> move, <kbd>Enter</kbd> opens</span> : null}
      </div>
    </div>
  );
}

function cellClass<T>(column: Column<T>): string {
  return [column.right ? css["right"] : "", column.hideBelow ? HIDE[column.hideBelow] : ""].join(" ").trim();
}

/** One cell only: a span over columns that a narrow screen hides would bring their room back. */
function Spacer({ height }: { height: number }) {
  return <tr className={css["spacer"]} aria-hidden><td style={{ height }} /></tr>;
}

function FirstCell<T>({ row, column, table }: { row: T; column: Column<T>; table: RecordTableProps<T> }) {
  const href = table.href?.(row);
  if (!href) return <>{column.cell(row)}</>;
  return (
    <a className={css["link"]} href={href} data-row-link onClick={(event) => openInApp(event, table.onOpen ? () => table.onOpen?.(row) : undefined)}>
      {column.cell(row)}
    </a>
  );
}

interface TwoLinesProps { main: ReactNode; sub: ReactNode; /** The second line on narrow screens only. */ phone?: boolean; /** The second line is never cut. */ whole?: boolean }

/** Two lines in one cell: the fact, and beneath it what narrows it down. */
export function TwoLines({ main, sub, phone = false, whole = false }: TwoLinesProps) {
  return (
    <>
      <span className={css["cellMain"]} title={textOf(main)}>{main}</span>
      {sub ? <span className={`${css["sub"]} ${phone ? css["onlySm"] : ""} ${whole ? css["whole"] : ""}`} title={textOf(sub)}>{sub}</span> : null}
    </>
  );
}

/** The whole of a text that may be cut. */
const textOf = (node: ReactNode): string | undefined => (typeof node === "string" ? node : undefined);

/** What a hidden column says, for narrow screens. */
export function OnPhone({ children }: { children: ReactNode }) {
  return <span className={css["onlySm"]}>{children}</span>;
}

/** Keys of rows that are new or changed since the last data; nothing flashes on the first load. */
function useFlashes<T>(rows: T[], keyOf: (row: T) => string, stateOf: ((row: T) => string) | undefined): Set<string> {
  const known = useRef<Map<string, string> | undefined>(undefined);
  const [flashing, setFlashing] = useState<Set<string>>(new Set());
  useEffect(() => {
    if (!stateOf) return undefined;
    const before = known.current;
    known.current = new Map(rows.map((row) => [keyOf(row), stateOf(row)]));
    // A longer list by a further page is not a change of its rows.
    const grown = before !== undefined && rows.length - before.size > 20;
    if (before === undefined || before.size === 0 || grown) return undefined;
    const changed = rows.filter((row) => before.get(keyOf(row)) !== stateOf(row)).map(keyOf);
    if (changed.length === 0) return undefined;
    setFlashing(new Set(changed));
    const timer = setTimeout(() => setFlashing(new Set()), 1_500);
    return () => clearTimeout(timer);
    // The functions are written inline by the pages; only new data is a change.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [rows]);
  return flashing;
}

const TYPING = "input, textarea, select, [contenteditable], [role=dialog] *";

function useRowKeys(holder: React.RefObject<HTMLDivElement | null>, rows: number, scrollTo: (index: number) => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.key !== "j" && event.key !== "k") || event.metaKey || event.ctrlKey || event.altKey) return;
      const active = document.activeElement;
      if (active?.matches(TYPING)) return;
      const at = Number(active?.closest("tr[data-index]")?.getAttribute("data-index") ?? (event.key === "j" ? -1 : rows));
      const next = Math.max(0, Math.min(rows - 1, at + (event.key === "j" ? 1 : -1)));
      scrollTo(next);
      requestAnimationFrame(() => {
        holder.current?.querySelector<HTMLElement>(`tr[data-index="${next}"] [data-row-link]`)?.focus({ preventScroll: true });
      });
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [holder, rows, scrollTo]);
}
