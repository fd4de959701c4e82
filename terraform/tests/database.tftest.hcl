# The database has no public address, no password and a recent TLS, and is protected against deletion.

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

run "no_public_address" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server.this.public_network_access_enabled == false
    error_message = "The database must have no public address."
  }

  assert {
    condition     = azurerm_private_endpoint.database.subnet_id == azurerm_subnet.endpoints.id && one(azurerm_private_endpoint.database.private_service_connection).subresource_names == tolist(["postgresqlServer"])
    error_message = "The database must have a private endpoint."
  }

  assert {
    condition     = length(regexall("resource +\"azurerm_postgresql_flexible_server_firewall_rule\"", join("\n", [for name in fileset(path.module, "*.tf") : file("${path.module}/${name}")]))) == 0
    error_message = "A server without a public address must have no firewall rule."
  }
}

run "entra_only" {
  command = plan

  assert {
    condition     = one(azurerm_postgresql_flexible_server.this.authentication).password_auth_enabled == false && one(azurerm_postgresql_flexible_server.this.authentication).active_directory_auth_enabled == true
    error_message = "Sign-in must be by Entra token only."
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.this.administrator_password == null && !strcontains(file("${path.module}/main.database.tf"), "administrator_login")
    error_message = "There must be no administrator login and no password."
  }
}

run "tls_1_3" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server_configuration.this["ssl_min_protocol_version"].value == "TLSv1.3" && azurerm_postgresql_flexible_server_configuration.this["require_secure_transport"].value == "on"
    error_message = "Connections to the database must be TLS 1.3."
  }
}

run "statements_are_not_logged" {
  command = plan

  assert {
    condition = (
      azurerm_postgresql_flexible_server_configuration.this["log_statement"].value == "none" &&
      azurerm_postgresql_flexible_server_configuration.this["log_min_duration_statement"].value == "-1" &&
      azurerm_postgresql_flexible_server_configuration.this["log_min_error_statement"].value == "panic" &&
      azurerm_postgresql_flexible_server_configuration.this["log_parameter_max_length"].value == "0" &&
      azurerm_postgresql_flexible_server_configuration.this["log_error_verbosity"].value == "terse"
    )
    error_message = "Values that visitors sent must not reach the database's log."
  }
}

run "hard_to_lose" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server.this.version == "17" && azurerm_postgresql_flexible_server.this.auto_grow_enabled && azurerm_postgresql_flexible_server.this.backup_retention_days >= 7
    error_message = "The server must be version 17, with auto-grow, and with backups for at least a week."
  }

  assert {
    condition     = length(azurerm_management_lock.database) == 1 && alltrue([for lock in azurerm_management_lock.database : lock.lock_level == "CanNotDelete" && lock.scope == azurerm_postgresql_flexible_server.this.id])
    error_message = "The server must be locked against deletion."
  }

  assert {
    condition     = length(regexall("prevent_destroy += +true", file("${path.module}/main.database.tf"))) == 1
    error_message = "A plan that destroys the server must fail (lifecycle prevent_destroy)."
  }
}

run "the_app_is_no_administrator" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server_active_directory_administrator.bootstrap.object_id == azurerm_user_assigned_identity.bootstrap.principal_id && azurerm_postgresql_flexible_server_active_directory_administrator.bootstrap.principal_type == "ServicePrincipal"
    error_message = "The bootstrap identity must be the administrator."
  }

  assert {
    condition     = azurerm_postgresql_flexible_server_active_directory_administrator.bootstrap.object_id != azurerm_user_assigned_identity.app.principal_id && length(azurerm_postgresql_flexible_server_active_directory_administrator.people) == 0
    error_message = "Neither the app nor, by default, a person may be an administrator."
  }
}

run "the_bootstrap_job_runs_inside_as_the_administrator" {
  command = plan

  assert {
    condition     = azurerm_container_app_environment.jobs[0].infrastructure_subnet_id == azurerm_subnet.jobs.id && azurerm_container_app_environment.jobs[0].internal_load_balancer_enabled && azurerm_container_app_environment.jobs[0].public_network_access == "Disabled"
    error_message = "The job's environment must be inside the network and unreachable from outside."
  }

  assert {
    condition     = azurerm_container_app_job.bootstrap[0].identity[0].identity_ids == toset([azurerm_user_assigned_identity.bootstrap.id])
    error_message = "The job must run as the bootstrap identity and no other."
  }

  assert {
    condition     = length(azurerm_container_app_job.bootstrap[0].manual_trigger_config) == 1 && length(azurerm_container_app_job.bootstrap[0].schedule_trigger_config) == 0 && length(azurerm_container_app_job.bootstrap[0].event_trigger_config) == 0
    error_message = "The job must run only when it is started."
  }

  assert {
    condition     = { for variable in azurerm_container_app_job.bootstrap[0].template[0].container[0].env : variable.name => variable.value if contains(["APP_ROLE", "APP_PRINCIPAL", "APP_DATABASE"], variable.name) } == { APP_ROLE = "id-footfall-test-app", APP_PRINCIPAL = "a0000000-0000-0000-0000-000000000001", APP_DATABASE = "footfall" }
    error_message = "The job must create the role of the app's identity."
  }

  assert {
    condition     = strcontains(file("${path.module}/bootstrap/roles.sql"), "pgaadauth_create_principal_with_oid(%L, %L, %L, false, false)")
    error_message = "The app's role must not be an administrator."
  }

  assert {
    condition     = alltrue([for name in ["run.sh", "roles.sql"] : !strcontains(file("${path.module}/bootstrap/${name}"), "$$")])
    error_message = "The SQL must not contain two dollar signs in a row, because the container gets only one of them."
  }

  assert {
    condition     = strcontains(file("${path.module}/bootstrap/run.sh"), "PGSSLMODE:-verify-full")
    error_message = "The job must check the server's certificate before it sends an administrator's token."
  }
}

run "the_jobs_environment_finds_its_resource_providers" {
  command = plan

  assert {
    condition     = alltrue([for namespace in ["Microsoft.App", "Microsoft.ContainerService"] : strcontains(file("${path.module}/providers.tf"), "\"${namespace}\",")])
    error_message = "An environment in its own network needs both providers to be registered (Azure/bicep#14935)."
  }
}

run "the_job_can_be_switched_off_afterwards" {
  command = plan

  variables {
    database_bootstrap_enabled = false
    database_bootstrap_image   = null
    github_repository          = "owner/name"
    github_may_start_bootstrap = true
  }

  assert {
    condition     = length(azurerm_container_app_environment.jobs) == 0 && output.bootstrap_job_name == null && !contains(keys(azurerm_role_assignment.github), "bootstrap")
    error_message = "Without the bootstrap, its environment and the role on it must be gone."
  }
}

run "high_availability" {
  command = plan

  variables {
    database_sku_name               = "GP_Standard_D2ds_v5"
    database_high_availability_mode = "ZoneRedundant"
  }

  assert {
    condition     = one(azurerm_postgresql_flexible_server.this.high_availability).mode == "ZoneRedundant"
    error_message = "The server must have the requested standby."
  }
}

run "no_high_availability_on_burstable" {
  command = plan

  variables {
    database_high_availability_mode = "ZoneRedundant"
  }

  expect_failures = [var.database_high_availability_mode]
}

run "no_pooler_on_burstable" {
  command = plan

  variables {
    database_pooler_enabled = true
  }

  expect_failures = [var.database_pooler_enabled]
}

run "a_restore_is_told_whether_backups_are_copied" {
  command = plan

  variables {
    database_geo_redundant_backup_enabled = true
  }

  assert {
    condition     = output.database_geo_redundant_backup == "Enabled"
    error_message = "The output must be Enabled, or a restore creates a server without geo-redundant backup, which Terraform would replace."
  }
}

run "or_not" {
  command = plan

  assert {
    condition     = output.database_geo_redundant_backup == "Disabled"
    error_message = "By default backups must not be geo-redundant."
  }
}

run "a_restored_server_takes_the_place" {
  command = plan

  variables {
    database_server_suffix = "r1"
  }

  assert {
    condition     = endswith(azurerm_postgresql_flexible_server.this.name, "-r1") && azurerm_postgresql_flexible_server_active_directory_administrator.bootstrap.server_name == azurerm_postgresql_flexible_server.this.name
    error_message = "All settings must use the restored server's name."
  }
}

run "one_server_is_no_cluster" {
  command = plan

  assert {
    condition     = length(azurerm_postgresql_flexible_server.this.cluster) == 0 && !contains(keys(azurerm_postgresql_flexible_server_configuration.this), "citus.recover_2pc_interval")
    error_message = "By default the database must be one server."
  }
}

run "a_cluster_has_the_database_of_the_app" {
  command = plan

  variables {
    database_cluster_size  = 4
    database_sku_name      = "GP_Standard_D4ds_v5"
    database_server_suffix = "c1"
  }

  assert {
    condition     = one(azurerm_postgresql_flexible_server.this.cluster).size == 4 && one(azurerm_postgresql_flexible_server.this.cluster).default_database_name == output.database_name
    error_message = "The cluster must have four nodes, and the app's database."
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.this.auto_grow_enabled == false && azurerm_postgresql_flexible_server.this.version == "17"
    error_message = "The storage of an elastic cluster cannot grow by itself."
  }

  assert {
    condition     = azurerm_postgresql_flexible_server_configuration.this["citus.recover_2pc_interval"].value == "5000"
    error_message = "After the loss of a node, its visitors must wait for seconds only."
  }

  assert {
    condition     = output.connection_sum == "(7 + 1 for the timer) instances × 3 = 24 of 415 (425 user connections of GP_Standard_D4ds_v5 in a cluster of 4 − 10 in reserve)"
    error_message = "Got: ${output.connection_sum}"
  }
}

run "a_cluster_has_no_zone_redundancy" {
  command = plan

  variables {
    database_cluster_size           = 2
    database_sku_name               = "GP_Standard_D4ds_v5"
    database_high_availability_mode = "ZoneRedundant"
  }

  expect_failures = [var.database_high_availability_mode]
}

run "a_cluster_has_at_least_two_nodes" {
  command = plan

  variables {
    database_cluster_size = 1
  }

  expect_failures = [var.database_cluster_size]
}
