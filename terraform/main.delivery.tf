# The identity that delivers. GitHub signs in with its own token (OIDC), so no secret can leak.

resource "azurerm_user_assigned_identity" "github" {
  count = var.github_repository == null ? 0 : 1

  name                = local.github_identity_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  tags                = local.tags
}

# The subject names one repository and one protected environment, so neither a fork nor another branch's job can sign in.
# Entra compares the subject letter by letter with GitHub's token, which has one of two forms. Repositories created or renamed
# since 15 July 2026, and those that opted in, have ids behind the names. All others have only the names.
resource "azurerm_federated_identity_credential" "github" {
  count = var.github_repository == null ? 0 : 1

  name                      = "github-${var.github_environment}"
  user_assigned_identity_id = azurerm_user_assigned_identity.github[0].id
  issuer                    = "https://token.actions.githubusercontent.com"
  audience                  = ["api://AzureADTokenExchange"]
  subject                   = "${coalesce(var.github_subject_prefix, "repo:${var.github_repository}")}:environment:${var.github_environment}"
}

locals {
  # Always: publish a package, read the resources. Starting the job is a separate right (variables.tf), because the caller names
  # image and command, and the job's identity is the database's administrator.
  github_deploy_roles = merge(
    {
      read    = { scope = azurerm_resource_group.this.id, role = "Reader" }
      publish = { scope = azurerm_function_app_flex_consumption.this.id, role = "Website Contributor" }
    },
    !var.database_bootstrap_enabled || !var.github_may_start_bootstrap ? {} : {
      bootstrap = { scope = azurerm_container_app_job.bootstrap[0].id, role = "Container Apps Jobs Operator" }
    },
  )

  # Only with github_may_apply: change the resources of this group, and write the state. A plan reads all resources first,
  # including role assignments outside the group, on the state's container and on the secrets. Reading these needs
  # Reader (Microsoft.Authorization/roleAssignments/read), which shows no value of a secret and no content of a blob.
  github_apply_roles = !var.github_may_apply ? {} : merge(
    {
      change     = { scope = azurerm_resource_group.this.id, role = "Contributor" }
      state      = { scope = var.state_container_id, role = "Storage Blob Data Contributor" }
      state_read = { scope = var.state_container_id, role = "Reader" }
    },
    var.dashboard_token_secret == null ? {} : {
      secret_read = { scope = local.dashboard_token_secret_id, role = "Reader" }
    },
    length(azurerm_role_assignment.webhook) == 0 ? {} : {
      webhook_read = { scope = local.webhook_secret_id, role = "Reader" }
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
