"""The lists of values that PostHog accepts or responds with, in its order."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CURRENCIES: tuple[str, ...] = _words(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTC BTN BWP BYN BZD CAD CDF
    CHF CLP CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LTL LVL LSL LYD MAD MDL
    MGA MKD MMK MNT MOP MRU MTL MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR
    RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU
    UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW
    """
)
"""The 152 codes of ``base_currency``."""

PRODUCT_KEYS: tuple[str, ...] = _words(
    """
    actions ai_gateway llm_analytics alerts annotations business_knowledge cohorts comments conversations
    customer_analytics dashboards data_catalog data_warehouse data_warehouse_saved_queries early_access_features
    endpoints engineering_analytics error_tracking experiments feature_flags group_analytics heatmaps history
    ingestion_warnings integrations links live_debugger llm_clusters llm_datasets llm_evaluations llm_prompts logs
    managed_warehouse marketing_analytics max mcp_analytics mobile_replay notebooks persons pipeline_batch_exports
    pipeline_destinations pipeline_transformations platform_and_support posthog_ai_onboarding posthog_desktop
    posthog_github posthog_slack product_analytics product_tours pulse revenue_analytics review_hog self_driving
    session_replay replay_vision site_apps skills subscriptions streamlit_apps surveys tasks teams toolbar tracing
    metrics user_interviews visual_review web_analytics workflows
    """
)
"""The products of product intents."""

INTENT_CONTEXTS: tuple[str, ...] = (
    "onboarding product selected - primary",
    "onboarding product selected - secondary",
    "quick start product selected",
    "selected connector",
    "sql editor empty state",
    "data warehouse sources table",
    "managed warehouse provisioned",
    "experiment created",
    "experiment analyzed",
    "experiment view recordings",
    "experiment replay vision scanner created",
    "experiment create scanner",
    "feature flag created",
    "taxonomic filter empty state",
    *_words("""
    session_replay_set_filters session_replay_experiment_link_clicked session_replay_save_filters_as_scanner
    replay_vision_viewed replay_vision_scanner_created replay_vision_scan_triggered
    error_tracking_exception_autocapture_enabled error_tracking_issue_sorting error_tracking_docs_viewed
    error_tracking_issue_explained error_tracking_scan_with_vision llm_analytics_viewed llm_analytics_trace_viewed
    llm_analytics_docs_viewed llm_cluster_explored llm_dataset_created llm_evaluation_created llm_prompt_created
    mcp_analytics_viewed mcp_analytics_connected logs_docs_viewed logs_set_filters logs_settings_opened
    metrics_docs_viewed metrics_viewer_query_run metrics_sql_query_run metrics_query_saved metrics_first_ingested
    metrics_scrape_agent_snippet_copied create_experiment_from_funnel_button web_analytics_insight web_vitals_insight
    web_analytics_recordings web_analytics_error_tracking web_analytics_errors web_analytics_frustrating_pages
    action_view_recordings person_view_recordings feature_flag_create_insight feature_flag_view_recordings
    early_access_feature_view_recordings data_warehouse_stripe_source_created surveys_viewed survey_add_new
    survey_created survey_launched survey_viewed survey_completed survey_resumed survey_archived survey_unarchived
    survey_deleted survey_duplicated survey_bulk_duplicated survey_edited survey_analyzed quick_survey_started
    revenue_analytics_event_created marketing_analytics_source_configured marketing_analytics_settings_updated
    marketing_analytics_dashboard_interaction marketing_analytics_ads_integration_visited
    marketing_analytics_data_source_connected marketing_analytics_onboarding_completed
    customer_analytics_dashboard_business_mode_changed customer_analytics_dashboard_configuration_button_clicked
    customer_analytics_dashboard_filters_changed customer_analytics_dashboard_events_saved customer_analytics_viewed
    customer_analytics_usage_metric_created nav_panel_advertisement_clicked feature_preview_enabled workflow_created
    data_pipeline_created batch_export_created batch_export_updated batch_export_backfill_created notebook_created
    product_tour_created task_created toolbar_launched vercel_integration endpoints_viewed endpoint_created
    endpoint_created_from_insight endpoint_created_from_sql_editor tracing_docs_viewed
    """),
)
"""The contexts of product intents."""

PROPERTY_TYPES: frozenset[str] = frozenset(
    _words(
        """
    event event_metadata person person_metadata element feature session cohort recording log_entry group hogql
    data_warehouse data_warehouse_person_property error_tracking_issue revenue_analytics flag log log_attribute
    log_resource_attribute span span_attribute span_resource_attribute
    """
    )
)
"""The types of property filters."""

PROPERTY_OPERATORS: frozenset[str] = frozenset(
    _words(
        """
    exact is_not icontains not_icontains starts_with not_starts_with ends_with not_ends_with regex not_regex gt gte lt
    lte is_set is_not_set is_date_exact is_date_before is_date_after between not_between min max in not_in
    is_cleaned_path_exact flag_evaluates_to semver_eq semver_neq semver_gt semver_gte semver_lt semver_lte
    semver_tilde semver_caret semver_wildcard icontains_multi not_icontains_multi
    """
    )
)
"""The operators of property filters."""

MODIFIERS: frozenset[str] = frozenset(
    _words(
        """
    bounceRateDurationSeconds bounceRatePageViewMode convertToProjectTimezone customChannelTypeRules
    dataWarehouseEventsModifiers debug formatCsvAllowDoubleQuotes forceClickhouseDataSkippingIndexes inCohortVia
    inlineCohortCalculation materializationMode materializedColumnsOptimizationMode optimizeJoinedFilters
    optimizeProjections personsArgMaxVersion personsJoinMode personsOnEventsMode propertyGroupsMode
    s3TableUseInvalidColumns sessionTableVersion sessionsV2JoinMode timings useMaterializedViews
    usePreaggregatedIntermediateResults usePreaggregatedTableTransforms usePresortedEventsTable
    useWebAnalyticsPreAggregatedTables
    """
    )
)
"""The names in ``modifiers``."""

SETUP_TASKS: tuple[str, ...] = _words(
    """
    ingest_first_event set_up_reverse_proxy create_first_insight create_first_dashboard track_custom_events
    define_actions set_up_cohorts explore_trends_insight create_funnel explore_retention_insight explore_paths_insight
    explore_stickiness_insight explore_lifecycle_insight add_authorized_domain set_up_web_vitals
    review_web_analytics_dashboard filter_web_analytics set_up_web_analytics_conversion_goals
    visit_web_vitals_dashboard setup_session_recordings watch_session_recording configure_recording_settings
    create_recording_playlist enable_console_logs create_feature_flag implement_flag_in_code
    update_feature_flag_release_conditions create_multivariate_flag set_up_flag_payloads
    set_up_flag_evaluation_runtimes create_experiment implement_experiment_variants launch_experiment
    review_experiment_results create_survey launch_survey collect_survey_responses connect_source run_first_query
    join_external_data create_saved_view enable_error_tracking upload_source_maps view_first_error resolve_first_error
    ingest_first_llm_event view_first_trace track_costs set_up_llm_evaluation run_ai_playground
    enable_revenue_analytics_viewset connect_revenue_source set_up_revenue_goal enable_log_capture view_first_logs
    create_first_workflow set_up_first_workflow_channel configure_workflow_trigger add_workflow_action launch_workflow
    create_first_endpoint configure_endpoint test_endpoint create_early_access_feature update_feature_stage
    """
)
"""The values of ``available_setup_task_ids``."""

RETENTION_PERIODS: tuple[str, ...] = ("30d", "90d", "1y", "5y")
"""The retention periods of recordings, shortest first."""
