import type { DataClass } from "../../api/types";
import type { Tone } from "../../ui/status";

export const DATA_CLASS: Record<DataClass, { word: string; note: string; tone: Tone }> = {
  crm_personal: { word: "Personal", note: "Says something about a person: a name, an address, a phone number.", tone: "warn" },
  crm_business: { word: "Business", note: "Says something about a company or a deal.", tone: "info" },
  crm_id: { word: "Id", note: "Points to a record of the CRM and says nothing by itself.", tone: "idle" },
};
