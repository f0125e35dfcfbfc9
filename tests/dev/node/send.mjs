// Sends one of each call with an unmodified client: node send.mjs HOST WRITE_KEY
import { Analytics } from "@segment/analytics-node";

const [host, writeKey] = process.argv.slice(2);
const analytics = new Analytics({ host, writeKey, maxRetries: 0 });
const failures = [];
analytics.on("error", (error) => failures.push(error));

const userId = "user-1";
analytics.identify({ userId, traits: { plan: "pro" } });
analytics.track({ userId, event: "Order Completed", properties: { total: 9.5 } });
analytics.page({ userId, category: "Docs", name: "Home" });
analytics.screen({ userId, name: "Settings" });
analytics.group({ userId, groupId: "team-1", traits: { seats: 3 } });
analytics.alias({ userId, previousId: "anonymous-1" });

await analytics.closeAndFlush();
if (failures.length > 0) {
  console.error(failures);
  process.exitCode = 1;
}
