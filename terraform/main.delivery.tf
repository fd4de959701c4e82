# Who may deliver. GitHub signs in with its own token (OIDC): there is no secret to store or to leak.

resource "azurerm_user_assigned_identity" "github" {
  count = var.github_repository == null ? 0 : 1

  name                = local.github_identity_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  tags                = local.tags
}

# The subject names one repository and one protected environment, so neither a fork nor another branch's job can sign in.
# Entra compares it letter by letter with what GitHub writes into its token, and GitHub writes two forms: with the names only,
# or, for repositories made or renamed since 15 July 2026 and for those that chose it, with the ids behind the names.
resource "azurerm_federated_identity_credential" "github" {
  count = var.github_repository == null ? 0 : 1

  name                      = "github-${var.github_environment}"
  user_assigned_identity_id = azurerm_user_assigned_identity.github[0].id
  issuer                    = "https://token.actions.githubusercontent.com"
  audience                  = ["api://AzureADTokenExchange"]
  subject                   = "${coalesce(var.github_subject_prefix, "repo:${var.github_repository}")}:environment:${var.github_environment}"
}

locals {
  # Always: publish a package, start the bootstrap job and see its result, read what is there.
  github_deploy_roles = merge(
    {
      read    = { scope = azurerm_resource_group.this.id, role = "Reader" }
      publish = { scope = azurerm_function_app_flex_consumption.this.id, role = "Website Contributor" }
    },
    !var.database_bootstrap_enabled ? {} : {
      bootstrap = { scope = azurerm_container_app_job.bootstrap[0].id, role = "Container Apps Jobs Operator" }
    },
  )

  # Only with github_may_apply: change the resources of this group, and keep the state. A plan begins with reading what is
  # there, the role assignments included; two of them lie outside the group, on the state's container and on the secret, where
  # it takes Reader (Microsoft.Authorization/roleAssignments/read). Reader shows no secret's value and no blob's content.
  github_apply_roles = !var.github_may_apply ? {} : merge(
    {
      change     = { scope = azurerm_resource_group.this.id, role = "Contributor" }
      state      = { scope = var.state_container_id, role = "Storage Blob Data Contributor" }
      state_read = { scope = var.state_container_id, role = "Reader" }
    },
    var.dashboard_token_secret == null ? {} : {
      secret_read = { scope = local.dashboard_token_secret_id, role = "Reader" }
    },
  )

  github_roles = var.github_repository == null ? {} : merge(local.github_deploy_roles, local.github_apply_roles)
}

resource "azurerm_role_assignment" "github" {
  for_each = local.github_roles

  scope                = each.value.scope
  role_definition_name = each.value.role
  principal_id         = azurerm_user_assigned_identity.github[0].principal_id
  principal_type       = "ServicePrincipal"
}
