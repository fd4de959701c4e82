# The rights of each identity. The list is complete: a role assignment that is not here fails a test.

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

override_resource {
  target          = azurerm_function_app_flex_consumption.this
  override_during = plan
  values = {
    id               = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Web/sites/func-mock"
    default_hostname = "func-mock.azurewebsites.net"
    identity         = { principal_id = "d0000000-0000-0000-0000-000000000001" }
  }
}

run "the_app_has_two_roles" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.app_blobs.role_definition_name == "Storage Blob Data Owner" && azurerm_role_assignment.app_blobs.scope == azurerm_storage_account.this.id && azurerm_role_assignment.app_blobs.principal_id == azurerm_user_assigned_identity.app.principal_id
    error_message = "The app may own the blobs of its storage account, and nothing else."
  }

  assert {
    condition     = azurerm_role_assignment.app_telemetry.role_definition_name == "Monitoring Metrics Publisher" && azurerm_role_assignment.app_telemetry.scope == azurerm_application_insights.this.id && azurerm_role_assignment.app_telemetry.principal_id == azurerm_user_assigned_identity.app.principal_id
    error_message = "The app may send telemetry to its own component, and to no other."
  }

  assert {
    condition     = length(azurerm_role_assignment.dashboard_token) == 0 && length(azurerm_role_assignment.webhook) == 0 && length(azurerm_role_assignment.github) == 0
    error_message = "By default no other identity may have a role."
  }

  # app_blobs, app_telemetry, dashboard_token, webhook, github. A sixth assignment needs its own test.
  assert {
    condition     = length(regexall("resource +\"azurerm_role_assignment\"", join("\n", [for name in fileset(path.module, "*.tf") : file("${path.module}/${name}")]))) == 5
    error_message = "A role assignment was added or removed without a test."
  }
}

run "github_signs_in_from_one_environment_without_a_secret" {
  command = plan

  variables {
    github_repository = "owner/name"
  }

  assert {
    condition     = azurerm_federated_identity_credential.github[0].subject == "repo:owner/name:environment:production" && azurerm_federated_identity_credential.github[0].issuer == "https://token.actions.githubusercontent.com" && azurerm_federated_identity_credential.github[0].audience == tolist(["api://AzureADTokenExchange"])
    error_message = "Only jobs of the protected environment of this repository may sign in."
  }

  assert {
    condition     = azurerm_federated_identity_credential.github[0].user_assigned_identity_id == azurerm_user_assigned_identity.github[0].id
    error_message = "GitHub must sign in as its own identity."
  }

  assert {
    condition = { for key, assignment in azurerm_role_assignment.github : key => "${assignment.role_definition_name} on ${assignment.scope}" } == {
      read    = "Reader on ${azurerm_resource_group.this.id}"
      publish = "Website Contributor on ${azurerm_function_app_flex_consumption.this.id}"
    }
    error_message = "GitHub must be able to read the group and publish to the app, and nothing else. A job's caller chooses image and command."
  }

  assert {
    condition     = alltrue([for assignment in azurerm_role_assignment.github : assignment.principal_id == "c0000000-0000-0000-0000-000000000001"])
    error_message = "GitHub's roles must go to GitHub's identity."
  }
}

run "github_may_start_the_job_only_when_told" {
  command = plan

  variables {
    github_repository          = "owner/name"
    github_may_start_bootstrap = true
  }

  assert {
    condition     = length(azurerm_role_assignment.github) == 3 && azurerm_role_assignment.github["bootstrap"].role_definition_name == "Container Apps Jobs Operator" && azurerm_role_assignment.github["bootstrap"].scope == azurerm_container_app_job.bootstrap[0].id
    error_message = "github_may_start_bootstrap must give the role on this job, and nothing else."
  }
}

run "github_may_apply_only_when_told" {
  command = plan

  variables {
    github_repository  = "owner/name"
    github_may_apply   = true
    state_container_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-state/providers/Microsoft.Storage/storageAccounts/ststate/blobServices/default/containers/tfstate"
  }

  assert {
    condition     = azurerm_role_assignment.github["change"].role_definition_name == "Contributor" && azurerm_role_assignment.github["change"].scope == azurerm_resource_group.this.id && azurerm_role_assignment.github["state"].role_definition_name == "Storage Blob Data Contributor" && azurerm_role_assignment.github["state"].scope == var.state_container_id
    error_message = "github_may_apply must give Contributor on the group and access to the state's container, and nothing else."
  }

  # A plan reads every role assignment first, and the state's container is outside the group.
  assert {
    condition     = azurerm_role_assignment.github["state_read"].role_definition_name == "Reader" && azurerm_role_assignment.github["state_read"].scope == var.state_container_id
    error_message = "The pipeline must be Reader on the state's container, or it cannot plan."
  }

  assert {
    condition     = length(azurerm_role_assignment.github) == 5 && alltrue([for assignment in azurerm_role_assignment.github : !contains(["Owner", "User Access Administrator", "Role Based Access Control Administrator"], assignment.role_definition_name)])
    error_message = "GitHub must not be able to assign roles."
  }
}

run "who_applies_may_read_the_role_on_the_secret_too" {
  command = plan

  variables {
    github_repository  = "owner/name"
    github_may_apply   = true
    state_container_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-state/providers/Microsoft.Storage/storageAccounts/ststate/blobServices/default/containers/tfstate"
    dashboard_token_secret = {
      key_vault_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-secrets/providers/Microsoft.KeyVault/vaults/kv-footfall"
      name         = "dashboard-token"
    }
  }

  assert {
    condition     = azurerm_role_assignment.github["secret_read"].role_definition_name == "Reader" && azurerm_role_assignment.github["secret_read"].scope == azurerm_role_assignment.dashboard_token[0].scope
    error_message = "The pipeline must be Reader on the secret, because every plan reads the role assignment there. Reader shows no value."
  }

  assert {
    condition     = length(azurerm_role_assignment.github) == 6
    error_message = "There must be no other role."
  }
}

run "to_apply_takes_a_state_to_keep" {
  command = plan

  variables {
    github_repository = "owner/name"
    github_may_apply  = true
  }

  expect_failures = [var.state_container_id]
}

run "ids_behind_the_names" {
  command = plan

  variables {
    github_repository     = "owner/na.me"
    github_subject_prefix = "repo:owner@123456/na.me@789012"
  }

  assert {
    condition     = azurerm_federated_identity_credential.github[0].subject == "repo:owner@123456/na.me@789012:environment:production"
    error_message = "Repositories created since July 2026 must sign in with their ids."
  }
}

run "the_old_form_can_be_named_too" {
  command = plan

  variables {
    github_repository     = "owner/name"
    github_subject_prefix = "repo:owner/name"
  }

  assert {
    condition     = azurerm_federated_identity_credential.github[0].subject == "repo:owner/name:environment:production"
    error_message = "The subject must be as GitHub prints it."
  }
}

run "a_prefix_of_another_repository" {
  command = plan

  variables {
    github_repository     = "owner/name"
    github_subject_prefix = "repo:owner@123456/other@789012"
  }

  expect_failures = [var.github_subject_prefix]
}

run "half_a_prefix" {
  command = plan

  variables {
    github_repository     = "owner/name"
    github_subject_prefix = "repo:owner@123456/name"
  }

  expect_failures = [var.github_subject_prefix]
}

run "a_prefix_with_a_wildcard" {
  command = plan

  variables {
    github_repository     = "owner/name"
    github_subject_prefix = "repo:owner@123456/*"
  }

  expect_failures = [var.github_subject_prefix]
}

run "a_wildcard_is_no_repository" {
  command = plan

  variables {
    github_repository = "owner/*"
  }

  expect_failures = [var.github_repository]
}

run "identity_and_role_come_before_the_reference" {
  command = plan

  variables {
    dashboard_token_reference_enabled = false
    dashboard_token_secret = {
      key_vault_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-secrets/providers/Microsoft.KeyVault/vaults/kv-footfall"
      name         = "dashboard-token"
    }
  }

  assert {
    condition     = !contains(keys(azurerm_function_app_flex_consumption.this.app_settings), "FOOTFALL_DASHBOARD_TOKEN") && length(azurerm_role_assignment.dashboard_token) == 1 && azurerm_function_app_flex_consumption.this.identity[0].type == "SystemAssigned, UserAssigned"
    error_message = "The first apply must create identity and role, and not set the reference."
  }

  assert {
    condition     = contains(keys(azurerm_monitor_scheduled_query_rules_alert_v2.this), "token-unresolved")
    error_message = "With a token, an alert must report that Azure cannot read it."
  }
}

run "the_dashboard_token_is_a_reference" {
  command = plan

  variables {
    dashboard_token_secret = {
      key_vault_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-secrets/providers/Microsoft.KeyVault/vaults/kv-footfall"
      name         = "dashboard-token"
    }
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["FOOTFALL_DASHBOARD_TOKEN"] == "@Microsoft.KeyVault(VaultName=kv-footfall;SecretName=dashboard-token)"
    error_message = "The token must be a reference, never the value."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.identity[0].type == "SystemAssigned, UserAssigned"
    error_message = "The app needs a system-assigned identity, which resolves references."
  }

  assert {
    condition     = azurerm_role_assignment.dashboard_token[0].role_definition_name == "Key Vault Secrets User" && azurerm_role_assignment.dashboard_token[0].scope == "${var.dashboard_token_secret.key_vault_id}/secrets/dashboard-token"
    error_message = "The app must be able to read this secret, and no other."
  }
}

run "the_address_for_notices_is_a_reference" {
  command = plan

  variables {
    github_repository  = "owner/name"
    github_may_apply   = true
    state_container_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-state/providers/Microsoft.Storage/storageAccounts/ststate/blobServices/default/containers/tfstate"
    webhook_format     = "teams"
    webhook_secret = {
      key_vault_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-secrets/providers/Microsoft.KeyVault/vaults/kv-footfall"
      name         = "webhook"
    }
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["FOOTFALL_WEBHOOK"] == "@Microsoft.KeyVault(VaultName=kv-footfall;SecretName=webhook)" && azurerm_function_app_flex_consumption.this.app_settings["FOOTFALL_WEBHOOK_FORMAT"] == "teams"
    error_message = "The address must be a reference, never the value."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.identity[0].type == "SystemAssigned, UserAssigned" && azurerm_role_assignment.webhook[0].role_definition_name == "Key Vault Secrets User" && azurerm_role_assignment.webhook[0].scope == "${var.webhook_secret.key_vault_id}/secrets/webhook"
    error_message = "The app must be able to read this secret, and no other."
  }

  assert {
    condition     = length(azurerm_role_assignment.dashboard_token) == 0 && azurerm_role_assignment.github["webhook_read"].role_definition_name == "Reader" && azurerm_role_assignment.github["webhook_read"].scope == azurerm_role_assignment.webhook[0].scope
    error_message = "The pipeline must be Reader on the secret, because every plan reads the role assignment there."
  }

  assert {
    condition     = toset([for rule in azurerm_network_security_group.this["functions"].security_rule : rule.destination_address_prefix if contains(["allow-webhook", "allow-key-vault"], rule.name) && rule.destination_port_range == "443"]) == toset(["Internet", "AzureKeyVault"])
    error_message = "The app must be able to reach the address and the key vault."
  }
}
