import { products, type TransientData } from "./types";

/** What need not be backed up, and why, in the order of the page. */
export const transientData: readonly TransientData[] = [
  {
    id: "transient-user-data",
    title: "Endpoints and subscriptions, active conferencing servers, transient conferencing states",
    databases: ["RtcDyn.mdf"],
    reason: "Transient: it is made anew while the server runs.",
    condition: null,
    products,
    citations: [{ section: "data/not-required", row: 1, quote: "Transient user data" }],
  },
  {
    id: "address-book",
    title: "Address Book data",
    databases: ["Rtcab.mdf", "Rtcab1.mdf"],
    reason: "Regenerated automatically from Active Directory Domain Services.",
    condition: null,
    products,
    citations: [{ section: "data/not-required", row: 2, quote: "Address Book data" }],
  },
  {
    id: "call-park-dynamic",
    title: "Dynamic information of the Call Park application",
    databases: ["CpsDyn.mdf"],
    reason: "Transient: it is made anew while the server runs.",
    condition: null,
    products,
    citations: [{ section: "data/not-required", row: 3, quote: "Dynamic information for the Call Park application" }],
  },
  {
    id: "response-group-dynamic",
    title: "Agent sign-in state and call waiting information of Response Groups",
    databases: ["RgsDyn.mdf"],
    reason: "Transient: it is made anew while the server runs.",
    condition: null,
    products,
    citations: [{ section: "data/not-required", row: 4, quote: "Transient Response Group data" }],
  },
  {
    id: "persistent-chat-compliance",
    title: "Compliance database of Persistent Chat",
    databases: ["MgcComp.mdf"],
    reason:
      "Transient only as long as an adapter (the XML adapter that is shipped, or a custom one) reads it and converts it to another format.",
    condition: "compliance-adapter-configured",
    products: ["lync2013", "sfb2015"],
    citations: [{ section: "data/not-required", row: 5, quote: "The compliance database for Persistent Chat" }],
  },
];
