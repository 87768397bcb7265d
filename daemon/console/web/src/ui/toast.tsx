// Short messages about what was just done, announced to screen readers, with one action such as Undo.
import { Button, CloseButton } from "@mantine/core";
import { createContext, type ReactNode, useCallback, useContext, useMemo, useRef, useState } from "react";
import { ToneIcon } from "./status";
import css from "./ui.module.css";

interface Toast { id: number; tone: "ok" | "bad"; text: string; action?: { label: string; run(): void } | undefined }
interface Toaster { done(text: string, action?: Toast["action"]): void; failed(text: string): void }

const ToastContext = createContext<Toaster | undefined>(undefined);
/** Longer where there is something to press. */
const STAYS_MS = { plain: 4_000, withAction: 8_000 };

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const next = useRef(1);
  const close = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const toaster = useMemo<Toaster>(() => {
    const show = (toast: Omit<Toast, "id">) => {
      const id = next.current++;
      setToasts((all) => [...all.slice(-2), { ...toast, id }]);
      // A failure stays until it is closed: it may be the only place that says so.
      if (toast.tone === "ok") setTimeout(() => close(id), toast.action ? STAYS_MS.withAction : STAYS_MS.plain);
    };
    return { done: (text, action) => show({ tone: "ok", text, action }), failed: (text) => show({ tone: "bad", text }) };
  }, [close]);
  return (
    <ToastContext value={toaster}>
      {children}
      <div className={css["toasts"]} role="log" aria-label="Messages" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} className={`${css["toast"]} ${css[toast.tone]}`}>
            <ToneIcon tone={toast.tone} size={18} />
            <div className={css["toastBody"]}>{toast.text}</div>
            {toast.action ? (
              <Button size="compact-xs" variant="light" onClick={() => { toast.action?.run(); close(toast.id); }}>{toast.action.label}</Button>
            ) : null}
            <CloseButton size="sm" aria-label="Close message" onClick={() => close(toast.id)} />
          </div>
        ))}
      </div>
    </ToastContext>
  );
}

export function useToast(): Toaster {
  const toaster = useContext(ToastContext);
  if (!toaster) throw new Error("ToastProvider is missing above this component");
  return toaster;
}
