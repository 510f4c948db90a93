//! The API's description of itself: it changes on purpose alone, and says of every operation what it must.

use serde_json::Value;

fn description() -> Value {
    serde_json::from_str(coordinator::api::description()).unwrap_or_default()
}

#[test]
fn the_description_says_what_it_said() {
    insta::assert_snapshot!(coordinator::api::description());
}

#[test]
fn every_operation_says_who_may_call_it_what_it_answers_and_how_it_refuses() {
    let description = description();
    let mut operations = 0;
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            let variables = path.matches('{').count();
            let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
            let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
            assert_eq!(in_path.count(), variables, "{what}");
            assert!(parameters.iter().all(|parameter| parameter["description"].is_string()), "{what}");
            assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{what}");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{what}");
            assert!(names.insert(operation["operationId"].to_string()), "{what} has another's name");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{what}");
            let secured = operation["security"].as_array().is_some_and(|roles| !roles.is_empty());
            assert_eq!(responses.contains_key("401") && responses.contains_key("403"), secured, "{what}");
            assert!(operation["x-codes"].as_array().is_some_and(|codes| !codes.is_empty()), "{what}");
            operations += 1;
        }
    }
    assert!(operations > 35, "{operations}");
    let open = ["/api/docs", "/api/v1/enrolments", "/api/v1/openapi.json", "/healthz"];
    for path in open {
        let item = description["paths"][path].as_object().unwrap();
        assert!(item.values().all(|operation| operation["security"].is_null()), "{path}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let description = description();
    let text = description.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(description.pointer(reference).is_some(), "{reference}");
    }
}
