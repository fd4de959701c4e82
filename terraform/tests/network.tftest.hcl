# The network: subnets, security groups, private endpoints.

mock_provider "azurerm" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  subscription_id = "11111111-2222-3333-4444-555555555555"
  location        = "swedencentral"
  environment     = "test"
  monthly_budget  = 100

  database_bootstrap_image = "docker.io/library/postgres:17-alpine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "subnets_are_separate_and_delegated" {
  command = plan

  assert {
    condition     = one(one(azurerm_subnet.functions.delegation).service_delegation).name == "Microsoft.App/environments"
    error_message = "Flex Consumption needs its subnet delegated to Microsoft.App/environments."
  }

  assert {
    condition     = one(one(azurerm_subnet.jobs.delegation).service_delegation).name == "Microsoft.App/environments"
    error_message = "Container Apps needs its subnet delegated to Microsoft.App/environments."
  }

  assert {
    condition     = alltrue([for subnet in [azurerm_subnet.functions, azurerm_subnet.endpoints, azurerm_subnet.jobs] : !strcontains(subnet.name, "_")])
    error_message = "Flex Consumption refuses subnets with an underscore in the name."
  }

  assert {
    condition = (
      azurerm_subnet.functions.address_prefixes == tolist(["10.60.0.0/24"]) &&
      azurerm_subnet.endpoints.address_prefixes == tolist(["10.60.1.0/26"]) &&
      azurerm_subnet.jobs.address_prefixes == tolist(["10.60.1.64/26"])
    )
    error_message = "The subnets must not overlap: a /24 for functions, then two /26."
  }

  assert {
    condition     = azurerm_subnet.endpoints.private_endpoint_network_policies == "NetworkSecurityGroupEnabled"
    error_message = "The subnet must apply security groups to private endpoints."
  }
}

run "every_subnet_has_a_security_group_that_denies_the_rest" {
  command = plan

  assert {
    condition     = toset([for association in azurerm_subnet_network_security_group_association.this : association.subnet_id]) == toset([azurerm_subnet.functions.id, azurerm_subnet.endpoints.id, azurerm_subnet.jobs.id]) && length(distinct([azurerm_subnet.functions.id, azurerm_subnet.endpoints.id, azurerm_subnet.jobs.id])) == 3
    error_message = "Each of the three subnets needs its security group."
  }

  assert {
    condition = alltrue([for group in azurerm_network_security_group.this : alltrue([for direction in ["Inbound", "Outbound"] :
      length([for rule in group.security_rule : rule if rule.direction == direction && rule.access == "Deny" && rule.priority == 4096 && rule.protocol == "*" && rule.source_address_prefix == "*" && rule.destination_address_prefix == "*" && rule.destination_port_range == "*"]) == 1
    ])])
    error_message = "Each security group must deny all other traffic last, in both directions."
  }

  assert {
    condition = alltrue([for group in azurerm_network_security_group.this : alltrue([for rule in group.security_rule :
      !contains(["*", "Internet", "0.0.0.0/0", "VirtualNetwork"], rule.source_address_prefix)
      if rule.direction == "Inbound" && rule.access == "Allow"
    ])])
    error_message = "No security group may allow the internet or the whole virtual network."
  }

  assert {
    condition = alltrue([for name, group in azurerm_network_security_group.this : alltrue([for rule in group.security_rule :
      !contains(["*", "Internet", "0.0.0.0/0", "VirtualNetwork"], rule.destination_address_prefix)
      if rule.direction == "Outbound" && rule.access == "Allow" && !(name == "jobs" && rule.name == "allow-image-registry" && rule.destination_port_range == "443")
    ])])
    error_message = "No outbound rule may allow the whole internet, except for the pull of the bootstrap image."
  }
}

run "the_database_is_open_to_two_subnets_on_one_port" {
  command = plan

  assert {
    condition = toset([for rule in azurerm_network_security_group.this["endpoints"].security_rule :
      "${rule.source_address_prefix} ${rule.destination_port_range}" if rule.direction == "Inbound" && rule.access == "Allow"
    ]) == toset(["10.60.0.0/24 5432", "10.60.1.64/26 5432", "10.60.0.0/24 443"])
    error_message = "Functions and jobs must reach 5432, and functions must reach blobs on 443. All other traffic to the endpoints must be denied."
  }
}

run "private_names_resolve_inside" {
  command = plan

  assert {
    condition     = toset([for zone in azurerm_private_dns_zone.this : zone.name]) == toset(["privatelink.postgres.database.azure.com", "privatelink.blob.core.windows.net"])
    error_message = "Each private endpoint needs its DNS zone."
  }

  assert {
    condition     = alltrue([for link in azurerm_private_dns_zone_virtual_network_link.this : link.virtual_network_id == azurerm_virtual_network.this.id && !link.registration_enabled])
    error_message = "Each zone must be linked to the network, without registration."
  }
}

run "the_pooler_has_its_own_port" {
  command = plan

  variables {
    database_sku_name       = "GP_Standard_D2ds_v5"
    database_pooler_enabled = true
  }

  assert {
    condition     = contains([for rule in azurerm_network_security_group.this["endpoints"].security_rule : rule.destination_port_range if rule.source_address_prefix == "10.60.0.0/24"], "6432")
    error_message = "Functions must reach PgBouncer on 6432."
  }
}

run "more_addresses_of_the_app_can_be_let_in" {
  command = plan

  variables {
    additional_app_addresses = ["20.50.1.2", "20.50.1.128/28"]
  }

  assert {
    condition = toset([for rule in azurerm_network_security_group.this["endpoints"].security_rule :
      "${rule.source_address_prefix} ${rule.destination_port_range}" if rule.direction == "Inbound" && rule.access == "Allow"
    ]) == toset(["10.60.0.0/24 5432", "10.60.1.64/26 5432", "10.60.0.0/24 443", "20.50.1.2 5432", "20.50.1.2 443", "20.50.1.128/28 5432", "20.50.1.128/28 443"])
    error_message = "additional_app_addresses must reach database and blobs, and nothing else."
  }
}

run "but_not_everybody" {
  command = plan

  variables {
    additional_app_addresses = ["0.0.0.0/0"]
  }

  expect_failures = [var.additional_app_addresses]
}
