/** What the id of a resource in Azure says. */
export interface ResourceId {
  readonly resourceGroupName: string;
  readonly name: string;
}

/** Takes an id apart. @throws Error that names the property where it is not that of such a resource. */
export function parseResourceId(id: string, provider: string, property: string): ResourceId {
  const [, subscriptions, , groups, resourceGroupName = "", providers, namespace, type, name = "", more] =
    id.split("/");
  const path = [subscriptions, groups, providers, `${namespace ?? ""}/${type ?? ""}`].join("/").toLowerCase();
  if (path === `subscriptions/resourcegroups/providers/${provider}`.toLowerCase() && name !== "" && more === undefined)
    return { resourceGroupName, name };
  throw new Error(`${property}: must be the id of a resource of type ${provider}`);
}
