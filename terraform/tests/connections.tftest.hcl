# The sum of connections: 3 per instance, including the timer's, must stay below the database's limit minus the reserve.

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

run "b1ms_serves_seven" {
  command = plan

  variables {
    maximum_instance_count = 7
  }

  assert {
    condition     = output.connection_sum == "(7 + 1 for the timer) instances × 3 = 24 of 25 (35 user connections of B_Standard_B1ms − 10 in reserve)"
    error_message = "Got: ${output.connection_sum}"
  }
}

run "b1ms_does_not_serve_eight" {
  command = plan

  variables {
    maximum_instance_count = 8
  }

  expect_failures = [var.maximum_instance_count]
}

run "equal_is_not_below" {
  command = plan

  variables {
    database_connection_reserve = 11
    maximum_instance_count      = 7
  }

  expect_failures = [var.maximum_instance_count]
}

run "b2s_serves_a_hundred_and_thirty_three" {
  command = plan

  variables {
    database_sku_name      = "B_Standard_B2s"
    maximum_instance_count = 133
  }
}

run "d2_does_not_serve_two_hundred_and_seventy_seven" {
  command = plan

  variables {
    database_sku_name      = "GP_Standard_D2ds_v5"
    maximum_instance_count = 277
  }

  expect_failures = [var.maximum_instance_count]
}

run "the_pooler_serves_a_thousand" {
  command = plan

  variables {
    database_sku_name       = "GP_Standard_D2ds_v5"
    database_pooler_enabled = true
    maximum_instance_count  = 1000
  }

  assert {
    condition     = tonumber(azurerm_postgresql_flexible_server_configuration.pooler["pgbouncer.default_pool_size"].value) < 844 - 10
    error_message = "The pool itself must stay below the server's user connections."
  }

  assert {
    condition     = 3 * (1000 + 1) < tonumber(azurerm_postgresql_flexible_server_configuration.pooler["pgbouncer.max_client_conn"].value)
    error_message = "PgBouncer must accept all clients."
  }
}

run "the_table_is_microsofts" {
  command = plan

  assert {
    condition     = local.database_user_connections_by_sku["B_Standard_B1ms"] == 35 && local.database_user_connections_by_sku["B_Standard_B2s"] == 414 && local.database_user_connections_by_sku["GP_Standard_D2ds_v5"] == 844
    error_message = "User connections must be 35 for B1ms, 414 for B2s and 844 for D2."
  }

  assert {
    condition     = local.connections_per_instance == 3 && local.timer_instances == 1
    error_message = "An instance has a connection each for recorder, reader and maintenance, and the timer has its own instance."
  }
}

run "an_unknown_size_is_refused" {
  command = plan

  variables {
    database_sku_name = "GP_Standard_D3_v9"
  }

  expect_failures = [var.database_sku_name]
}

run "more_always_ready_than_maximum" {
  command = plan

  variables {
    maximum_instance_count      = 2
    always_ready_instance_count = 3
  }

  expect_failures = [var.always_ready_instance_count]
}

run "zones_want_two_warm_instances" {
  command = plan

  variables {
    zone_redundancy_enabled = true
  }

  expect_failures = [var.zone_redundancy_enabled]
}
