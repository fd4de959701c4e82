resource "azurerm_resource_group" "this" {
  name     = "rg-${local.stem}"
  location = var.location
  tags     = local.tags
}

resource "azurerm_management_lock" "resource_group" {
  count = var.resource_group_lock_enabled ? 1 : 0

  name       = "lock-${local.stem}"
  scope      = azurerm_resource_group.this.id
  lock_level = "CanNotDelete"
  notes      = "Set by Terraform (resource_group_lock_enabled)."
}

resource "azurerm_virtual_network" "this" {
  name                = "vnet-${local.stem}"
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  address_space       = [var.network_address_space]
  tags                = local.tags
}

locals {
  address_space_bits = tonumber(split("/", var.network_address_space)[1])

  # A quarter of a /22 is a /24; its second quarter gives two /26.
  functions_address_prefix = cidrsubnet(var.network_address_space, 24 - local.address_space_bits, 0)
  endpoints_address_prefix = cidrsubnet(var.network_address_space, 26 - local.address_space_bits, 4)
  jobs_address_prefix      = cidrsubnet(var.network_address_space, 26 - local.address_space_bits, 5)
}

# Flex Consumption refuses delegated subnets with an underscore in the name.
resource "azurerm_subnet" "functions" {
  name                 = "snet-functions"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [local.functions_address_prefix]

  delegation {
    name = "flex-consumption"

    service_delegation {
      name    = "Microsoft.App/environments"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_subnet" "endpoints" {
  name                              = "snet-endpoints"
  resource_group_name               = azurerm_resource_group.this.name
  virtual_network_name              = azurerm_virtual_network.this.name
  address_prefixes                  = [local.endpoints_address_prefix]
  default_outbound_access_enabled   = false
  private_endpoint_network_policies = "NetworkSecurityGroupEnabled"
}

# A Container Apps environment must not share the subnet of a function app, although both need the same delegation.
resource "azurerm_subnet" "jobs" {
  name                 = "snet-jobs"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [local.jobs_address_prefix]

  delegation {
    name = "container-apps"

    service_delegation {
      name    = "Microsoft.App/environments"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

# Network security groups -----------------------------------------------------------------------------------------------
# Every group ends with a rule that denies all other traffic. Azure's own defaults, which come after this rule, would allow
# all traffic from the virtual network and all outbound traffic.
locals {
  deny_inbound  = { name = "deny-other-inbound", priority = 4096, direction = "Inbound", access = "Deny", protocol = "*", port = "*", from = "*", to = "*" }
  deny_outbound = { name = "deny-other-outbound", priority = 4096, direction = "Outbound", access = "Deny", protocol = "*", port = "*", from = "*", to = "*" }

  functions_rules = concat(
    [
      { name = "allow-own-subnet-inbound", priority = 100, direction = "Inbound", access = "Allow", protocol = "*", port = "*", from = local.functions_address_prefix, to = local.functions_address_prefix },
      { name = "allow-load-balancer-inbound", priority = 110, direction = "Inbound", access = "Allow", protocol = "*", port = "*", from = "AzureLoadBalancer", to = "*" },
      local.deny_inbound,
      { name = "allow-own-subnet-outbound", priority = 100, direction = "Outbound", access = "Allow", protocol = "*", port = "*", from = local.functions_address_prefix, to = local.functions_address_prefix },
      { name = "allow-database", priority = 110, direction = "Outbound", access = "Allow", protocol = "Tcp", port = tostring(local.database_port), from = "*", to = local.endpoints_address_prefix },
      { name = "allow-monitor", priority = 120, direction = "Outbound", access = "Allow", protocol = "Tcp", port = "443", from = "*", to = "AzureMonitor" },
      { name = "allow-entra", priority = 130, direction = "Outbound", access = "Allow", protocol = "Tcp", port = "443", from = "*", to = "AzureActiveDirectory" },
      { name = "allow-storage", priority = 140, direction = "Outbound", access = "Allow", protocol = "Tcp", port = "443", from = "*", to = var.storage_private_endpoint_enabled ? local.endpoints_address_prefix : "Storage" },
    ],
    !local.has_key_vault_reference ? [] : [
      { name = "allow-key-vault", priority = 150, direction = "Outbound", access = "Allow", protocol = "Tcp", port = "443", from = "*", to = "AzureKeyVault" },
    ],
    # The address is a secret, so no rule can name it.
    var.webhook_secret == null ? [] : [
      { name = "allow-webhook", priority = 160, direction = "Outbound", access = "Allow", protocol = "Tcp", port = "443", from = "*", to = "Internet" },
    ],
    [local.deny_outbound],
  )

  # According to one report the platform calls private endpoints from addresses of the app outside its subnet
  # (azure-functions-host#10620). additional_app_addresses allows such addresses; by default only the subnet is allowed.
  endpoints_rules = concat(
    [
      { name = "allow-database-from-functions", priority = 100, direction = "Inbound", access = "Allow", protocol = "Tcp", port = tostring(local.database_port), from = local.functions_address_prefix, to = local.endpoints_address_prefix },
      { name = "allow-database-from-jobs", priority = 110, direction = "Inbound", access = "Allow", protocol = "Tcp", port = "5432", from = local.jobs_address_prefix, to = local.endpoints_address_prefix },
    ],
    !var.storage_private_endpoint_enabled ? [] : [
      { name = "allow-storage-from-functions", priority = 120, direction = "Inbound", access = "Allow", protocol = "Tcp", port = "443", from = local.functions_address_prefix, to = local.endpoints_address_prefix },
    ],
    [for index, address in var.additional_app_addresses :
      { name = "allow-database-from-app-address-${index}", priority = 200 + index, direction = "Inbound", access = "Allow", protocol = "Tcp", port = tostring(local.database_port), from = address, to = local.endpoints_address_prefix }
    ],
    [for index, address in var.additional_app_addresses :
      { name = "allow-storage-from-app-address-${index}", priority = 300 + index, direction = "Inbound", access = "Allow", protocol = "Tcp", port = "443", from = address, to = local.endpoints_address_prefix }
      if var.storage_private_endpoint_enabled
    ],
    [local.deny_inbound, local.deny_outbound],
  )

  # A Container Apps environment with workload profiles must reach these, by Microsoft's page on its network security
  # groups. The database and the registry of the bootstrap image are added.
  jobs_rules = [
    { name = "allow-own-subnet-inbound", priority = 100, direction = "Inbound", access = "Allow", protocol = "*", port = "*", from = local.jobs_address_prefix, to = local.jobs_address_prefix },
    { name = "allow-load-balancer-inbound", priority = 110, direction = "Inbound", access = "Allow", protocol = "Tcp", port = "30000-32767", from = "AzureLoadBalancer", to = local.jobs_address_prefix },
    local.deny_inbound,
    { name = "allow-own-subnet-outbound", priority = 100, direction = "Outbound", access = "Allow", protocol = "*", port = "*", from = local.jobs_address_prefix, to = local.jobs_address_prefix },
    { name = "allow-database", priority = 110, direction = "Outbound", access = "Allow", protocol = "Tcp", port = "5432", from = local.jobs_address_prefix, to = local.endpoints_address_prefix },
    { name = "allow-dns", priority = 120, direction = "Outbound", access = "Allow", protocol = "*", port = "53", from = local.jobs_address_prefix, to = "168.63.129.16" },
    { name = "allow-microsoft-registry", priority = 130, direction = "Outbound", access = "Allow", protocol = "Tcp", port = "443", from = local.jobs_address_prefix, to = "MicrosoftContainerRegistry" },
    { name = "allow-microsoft-registry-front", priority = 140, direction = "Outbound", access = "Allow", protocol = "Tcp", port = "443", from = local.jobs_address_prefix, to = "AzureFrontDoor.FirstParty" },
    { name = "allow-monitor", priority = 150, direction = "Outbound", access = "Allow", protocol = "Tcp", port = "443", from = local.jobs_address_prefix, to = "AzureMonitor" },
    { name = "allow-entra", priority = 160, direction = "Outbound", access = "Allow", protocol = "Tcp", port = "443", from = local.jobs_address_prefix, to = "AzureActiveDirectory" },
    { name = "allow-image-registry", priority = 170, direction = "Outbound", access = "Allow", protocol = "Tcp", port = "443", from = local.jobs_address_prefix, to = "Internet" },
    local.deny_outbound,
  ]

  security_groups = {
    functions = { subnet_id = azurerm_subnet.functions.id, rules = local.functions_rules }
    endpoints = { subnet_id = azurerm_subnet.endpoints.id, rules = local.endpoints_rules }
    jobs      = { subnet_id = azurerm_subnet.jobs.id, rules = local.jobs_rules }
  }
}

resource "azurerm_network_security_group" "this" {
  for_each = local.security_groups

  name                = "nsg-${local.stem}-${each.key}"
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  tags                = local.tags

  dynamic "security_rule" {
    for_each = each.value.rules

    content {
      name                       = security_rule.value.name
      priority                   = security_rule.value.priority
      direction                  = security_rule.value.direction
      access                     = security_rule.value.access
      protocol                   = security_rule.value.protocol
      source_port_range          = "*"
      destination_port_range     = security_rule.value.port
      source_address_prefix      = security_rule.value.from
      destination_address_prefix = security_rule.value.to
    }
  }
}

resource "azurerm_subnet_network_security_group_association" "this" {
  for_each = local.security_groups

  subnet_id                 = each.value.subnet_id
  network_security_group_id = azurerm_network_security_group.this[each.key].id
}

# Private DNS -----------------------------------------------------------------------------------------------------------
locals {
  private_dns_zones = merge(
    { database = "privatelink.postgres.database.azure.com" },
    var.storage_private_endpoint_enabled ? { blob = "privatelink.blob.core.windows.net" } : {},
  )
}

resource "azurerm_private_dns_zone" "this" {
  for_each = local.private_dns_zones

  name                = each.value
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  for_each = local.private_dns_zones

  name                 = "link-${local.stem}-${each.key}"
  private_dns_zone_id  = azurerm_private_dns_zone.this[each.key].id
  virtual_network_id   = azurerm_virtual_network.this.id
  registration_enabled = false
  tags                 = local.tags
}
