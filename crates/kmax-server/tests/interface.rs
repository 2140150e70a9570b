//! What the interface answers, over real connections.

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kmax_masks::{LabelMap, Rle, codec};
use kmax_server::LabelStudio;
use serde_json::{Value, json};
use std::io::{Read, Write};
use support::{FORM, Running, astronaut, form, picture};

/// Steps of k-means of the built-in model.
const STEPS: usize = 3;

/// The masks of JSON painted over each other, by the rows' ids.
fn painted(list: &Value) -> LabelMap {
    let length = |name: &str| list[name].as_u64().expect("a length") as usize;
    let mut map = LabelMap::filled(length("width"), length("height"), 0).expect("a map");
    for row in list["segments"].as_array().expect("rows") {
        let mask: Rle = serde_json::from_value(row["segmentation"].clone()).expect("a mask");
        mask.paint(&mut map, row["id"].as_u64().expect("an id") as u32).expect("painted");
    }
    map
}

#[test]
fn a_photo_is_answered_in_every_form() {
    let server = Running::new(|_| {});
    let photo = astronaut();
    let list = server.post("/v1/segment", &photo);
    assert_eq!((list.status, list.header("content-type")), (200, Some("application/json")));
    let list = list.json();
    assert_eq!(
        (&list["model"], &list["width"], &list["height"]),
        (&"people".into(), &512.into(), &512.into())
    );
    let map = server.ask("POST", "/v1/segment", &[("Accept", "image/png")], &photo);
    assert_eq!(map.header("content-type"), Some("image/png"));
    // Not compared by `assert_eq`, which would print every pixel.
    assert!(codec::decode_panoptic(&map.body).is_ok_and(|map| map == painted(&list)));
    let overlay = server.ask("POST", "/v1/segment", &[("Accept", "image/png; result=overlay")], &photo);
    let overlay = image::load_from_memory(&overlay.body).expect("a picture");
    assert_eq!((overlay.width(), overlay.height()), (512, 512));
    let archive = server.ask("POST", "/v1/segment?format=zip", &[FORM], &form(&[("a/me.jpg", &photo)]));
    let archive = zip::ZipArchive::new(std::io::Cursor::new(archive.body)).expect("an archive");
    let names: Vec<_> = archive.file_names().map(|name| name.expect("a name").into_owned()).collect();
    assert_eq!(names, ["me.overlay.png", "me.panoptic.png", "me.json"]);

    let masks = server.post("/v1/segment?masks=png", &photo).json();
    let first = &masks["segments"][0];
    let mask = STANDARD.decode(first["mask_png"].as_str().expect("a mask")).expect("base64");
    let inside = image::load_from_memory(&mask).expect("a picture").into_luma8();
    let set = inside.pixels().filter(|pixel| pixel.0 == [255]).count() as u64;
    assert_eq!((Some(set), first.get("segmentation")), (first["area"].as_u64(), None));
    let bare = server.post("/v1/segment?masks=none&task=semantic", &photo).json();
    assert!(bare["task"] == "semantic" && bare["segments"][0].get("score").is_none());
    assert!(bare["segments"][0].get("segmentation").is_none(), "{bare}");
    let none = server.post("/v1/segment?class_threshold_thing=1&class_threshold_stuff=1", &photo).json();
    assert_eq!(none["segments"], json!([]));
    server.post("/v1/segment?task=instance&format=map", &photo).fails(400, "invalid argument", "overlap");
}

#[test]
fn several_photos_are_answered_each() {
    let server = Running::with_limits(|limits| limits.batch = 3);
    let (photo, other) = (astronaut(), picture(40, 30));
    let photos: [(&str, &[u8]); 3] = [("a.png", &photo), ("b.txt", b"no photo"), ("c.png", &other)];
    let batch = server.ask("POST", "/v1/batch?masks=none", &[FORM], &form(&photos)).json();
    assert_eq!(batch["results"].as_array().map(Vec::len), Some(3));
    assert_eq!(batch["results"][1]["problem"]["kind"], "unsupported");
    assert_eq!(
        (&batch["results"][0]["result"]["width"], &batch["results"][2]["result"]["width"]),
        (&512.into(), &40.into())
    );
    let more = form(&[("a", &other), ("b", &other), ("c", &other), ("d", &other)]);
    server.ask("POST", "/v1/batch", &[FORM], &more).fails(413, "out of memory", "at most 3");
    server.post("/v1/batch", &photo).fails(415, "unsupported", "multipart/form-data");
    server.ask("POST", "/v1/segment", &[FORM], &more).fails(400, "invalid argument", "/v1/batch");
}

#[test]
fn thresholds_change_without_the_network() {
    let server = Running::new(|_| {});
    let photo = astronaut();
    let created = server.post("/v1/predictions", &photo);
    assert_eq!(created.status, 201, "{}", created.text());
    let id = created.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(created.header("location"), Some(format!("predictions/{id}").as_str()));
    let at = |path: &str| server.get(&format!("/v1/predictions/{id}/{path}"));
    let map = server.post("/v1/segment?format=map", &photo).body;
    assert!(at("panoptic.png").body == map);
    let changed = "class_threshold_thing=0.05&pixel_threshold=0.2&overlap_threshold=0.1";
    let other = server.post(&format!("/v1/segment?format=map&{changed}"), &photo).body;
    assert!(at(&format!("panoptic.png?{changed}")).body == other && other != map);
    let overlay = server.post("/v1/segment?format=overlay", &photo).body;
    assert!(at("overlay.png").body == overlay);
    let segments = at("segments").json();
    let rows = segments["segments"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["query"].is_u64() && row["name"].is_string()), "{segments}");

    let steps = at("steps").json();
    let (rows, queries) = (&steps["steps"], steps["queries"].as_array().expect("queries"));
    assert_eq!(rows.as_array().map(Vec::len), Some(STEPS));
    for (number, row) in (1..).zip(rows.as_array().expect("steps")) {
        let map = codec::decode_panoptic(&at(&format!("steps/{number}.png")).body).expect("a map");
        assert_eq!(
            (row["width"].as_u64(), row["height"].as_u64()),
            (Some(map.width() as u64), Some(map.height() as u64))
        );
        let pixels: u64 = queries.iter().filter_map(|query| query["pixels"][number - 1].as_u64()).sum();
        assert_eq!(pixels, map.data().len() as u64);
    }
    // The queries of the segments say so themselves.
    for row in segments["segments"].as_array().expect("rows") {
        let query = &queries[row["query"].as_u64().expect("a query") as usize];
        assert_eq!((&query["segment_id"], &query["category_id"]), (&row["id"], &row["category_id"]));
    }
    let query = at("queries/0").json();
    assert!(query["classes"].as_array().is_some_and(|classes| classes.len() == 5), "{query}");
    assert!(query["history"].as_array().is_some_and(|history| history.len() == STEPS), "{query}");
    let mask = image::load_from_memory(&at("queries/0/mask.png").body).expect("a picture");
    assert_eq!(mask.color(), image::ColorType::L8);
    let pixel = at("pixels?x=256&y=100").json();
    assert!(pixel["nearest"].as_array().is_some_and(|near| near.len() == 5), "{pixel}");
    assert!(pixel["steps"].as_array().is_some_and(|steps| steps.len() == STEPS), "{pixel}");
    at("pixels?x=512&y=0").fails(400, "invalid argument", "512x512");
    at("queries/100000").fails(404, "not found", "query");
    at("steps/4.png").fails(404, "not found", "1 to 3");

    let gone = server.ask("DELETE", &format!("/v1/predictions/{id}"), &[], b"");
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    at("segments").fails(404, "not found", "prediction");
}

#[test]
fn the_oldest_predictions_make_room() {
    let server = Running::with_limits(|limits| limits.predictions = 2);
    let photo = picture(30, 30);
    let create = || server.post("/v1/predictions", &photo).json()["id"].as_str().expect("an id").to_owned();
    let status = |id: &str| server.get(&format!("/v1/predictions/{id}/segments")).status;
    let (first, second) = (create(), create());
    assert_eq!(status(&first), 200);
    let third = create();
    assert_eq!([&first, &second, &third].map(|id| status(id)), [200, 404, 200]);
}

#[test]
fn models_numbers_and_the_description_are_told() {
    let server = Running::new(|_| {});
    let models = server.get("/v1/models").json();
    let model = &models["models"][0];
    assert_eq!(
        (&model["name"], &model["default"], &model["steps"]),
        (&"people".into(), &true.into(), &STEPS.into())
    );
    assert!(model["categories"][0]["color"].as_array().is_some_and(|color| color.len() == 3), "{model}");
    server.post("/v1/segment?model=peple", &picture(9, 9)).fails(404, "not found", "`people`");
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(server.metric("kmax_requests_total{route=\"/healthz\",method=\"GET\",status=\"200\"}"), 1.0);
    let description = server.get("/openapi.json").json();
    assert_eq!(description["openapi"], "3.1.0");
    for path in ["/v1/segment", "/v1/batch", "/v1/models", "/metrics", "/predict", "/v2/models/{name}/infer"]
    {
        assert!(description["paths"].get(path).is_some(), "{path}");
    }
    server.get("/nothing").fails(404, "not found", "openapi.json");
    server.get("/v1/segment").fails(405, "invalid argument", "methods");
    assert_eq!(server.get("/config.json").json(), json!({"backend": "server"}));
    let page = server.get("/");
    let tag = page.header("etag").expect("a tag").to_owned();
    let again = server.ask("GET", "/index.html", &[("If-None-Match", &tag)], b"");
    assert_eq!((again.status, again.body.len(), page.header("cache-control")), (304, 0, Some("no-cache")));
    let files = kmax_page::files();
    let script = files.iter().find(|file| file.path.ends_with(".js")).expect("a script");
    let served = server.get(&format!("/{}", script.path));
    assert!(served.body == script.bytes && served.header("content-type") == Some(script.media_type));
    assert!(
        page.status == 200
            && page
                .header("content-security-policy")
                .is_some_and(|policy| policy.contains("default-src 'none'"))
    );
}

#[test]
fn gateways_get_tensors() {
    let server = Running::new(|_| {});
    let photo = astronaut();
    let pixels = image::load_from_memory(&photo).expect("a picture").into_rgb8();
    let input =
        json!({"name": "photo", "datatype": "BYTES", "shape": [1], "data": [STANDARD.encode(&photo)]});
    let by_file =
        server.post("/v2/models/people/infer", json!({"id": "7", "inputs": [input]}).to_string().as_bytes());
    let by_file = by_file.json();
    assert_eq!((&by_file["id"], &by_file["model_name"]), (&"7".into(), &"people".into()));
    let head = json!({"inputs": [{"name": "image", "datatype": "UINT8", "shape": [512, 512, 3], "parameters": {"binary_data_size": 786_432}}],
        "outputs": [{"name": "panoptic", "parameters": {"binary_data": true}}]})
    .to_string();
    let length = head.len().to_string();
    let body = [head.as_bytes(), pixels.as_raw()].concat();
    let binary =
        server.ask("POST", "/v2/models/people/infer", &[("Inference-Header-Content-Length", &length)], &body);
    let split: usize =
        binary.header("inference-header-content-length").and_then(|n| n.parse().ok()).expect("a length");
    let (ids, _) = binary.body[split..].as_chunks::<4>();
    let ids: Vec<u32> = ids.iter().map(|id| u32::from_le_bytes(*id)).collect();
    let map = codec::decode_panoptic(&server.post("/v1/segment?format=map", &photo).body).expect("a map");
    assert!(ids == map.data());
    let listed: Vec<u32> = serde_json::from_value(by_file["outputs"][0]["data"].clone()).expect("numbers");
    assert!(listed == ids);
    server.get("/v2/models/other").fails(404, "not found", "other");
}

#[test]
fn label_studio_gets_brush_strokes() {
    let server = Running::new(|_| {});
    let image = format!("data:image/png;base64,{}", STANDARD.encode(astronaut()));
    let config = "<View><Image name='img' value='$photo'/><BrushLabels name='tag' toName='img'>\
                  <Label value='person'/><Label value='hair'/><Label value='face'/><Label value='clothes'/></BrushLabels></View>";
    let ask = |image: &str, config: &str| {
        let tasks =
            json!({"tasks": [{"id": 1, "data": {"photo": image}}], "label_config": config, "project": "1.2"});
        server.post("/predict", tasks.to_string().as_bytes())
    };
    let results = ask(&image, config).json();
    let regions = results["results"][0]["result"].as_array().expect("regions");
    assert!(!regions.is_empty(), "{results}");
    for region in regions {
        assert_eq!(
            (&region["from_name"], &region["to_name"], &region["type"]),
            (&"tag".into(), &"img".into(), &"brushlabels".into())
        );
        assert!(region["value"]["rle"].as_array().is_some_and(|rle| rle.len() > 8));
    }
    ask(&image, "<View/>").fails(422, "incompatible", "BrushLabels");
    ask("http://127.0.0.1:1/a.jpg", config).fails(415, "unsupported", "--label-studio-url");
    ask("file:///etc/passwd", config).fails(415, "unsupported", "file:");
    assert_eq!(server.get("/health").json()["status"], "UP");
    assert_eq!(server.get("/versions").json()["versions"], json!(["people"]));
    assert_eq!(server.post("/webhook", b"{\"action\": \"ANNOTATION_CREATED\"}").json()["training"], false);
    assert_eq!(server.post("/setup", b"{\"project\": \"1.2\"}").json()["model_version"], "people");
}

/// A Label Studio that has one image, for one user.
fn studio(photo: Vec<u8>) -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("a request");
                head.extend(byte);
            }
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let (status, body) = match head.split(' ').nth(1) {
                Some("/data/upload/a.png")
                    if head.contains("authorization: token secret")
                        || head.contains("authorization: bearer for-five-minutes") =>
                {
                    ("200 OK", &photo[..])
                }
                Some("/api/token/refresh/") => {
                    let length = head.split("content-length: ").nth(1).expect("a length");
                    let length = length.lines().next().expect("a line").parse().expect("a number");
                    let mut body = vec![0; length];
                    stream.read_exact(&mut body).expect("a body");
                    match &body[..] {
                        br#"{"refresh":"a.personal.token"}"# => {
                            ("200 OK", &br#"{"access":"for-five-minutes"}"#[..])
                        }
                        _ => ("401 Unauthorized", &b""[..]),
                    }
                }
                Some("/elsewhere") => ("302 Found\r\nLocation: http://127.0.0.1:1/", &b""[..]),
                _ => ("401 Unauthorized", &b""[..]),
            };
            write!(
                stream,
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
            .expect("sent");
            stream.write_all(body).expect("sent");
        }
    });
    address
}

#[test]
fn images_of_the_one_label_studio_are_fetched() {
    let url = format!("http://{}", studio(astronaut()));
    let server = Running::new(|settings| {
        settings.label_studio = Some(LabelStudio::new(url.clone(), Some("secret".into())));
    });
    let ask = |address: &str| {
        let config = "<Image name='a' value='$image'/><BrushLabels name='b' toName='a'><Label value='hair'/></BrushLabels>";
        let tasks = json!({"tasks": [{"data": {"image": address}}], "label_config": config});
        server.post("/predict", tasks.to_string().as_bytes())
    };
    let whole = format!("{url}/data/upload/a.png");
    for address in ["/data/upload/a.png", &whole] {
        let results = ask(address).json();
        assert_eq!(results["results"][0]["result"][0]["value"]["brushlabels"], json!(["hair"]), "{results}");
    }
    ask("/data/upload/b.png").fails(502, "network", "401");
    ask("/elsewhere").fails(502, "network", "302");
    ask("http://127.0.0.1:1/a.png").fails(415, "unsupported", "--label-studio-url");
}

#[test]
fn personal_tokens_of_label_studio_are_exchanged() {
    let url = format!("http://{}", studio(astronaut()));
    let config = "<Image name='a' value='$image'/><BrushLabels name='b' toName='a'><Label value='hair'/></BrushLabels>";
    let tasks =
        json!({"tasks": [{"data": {"image": "/data/upload/a.png"}}], "label_config": config}).to_string();
    let as_user = |token: &str| {
        let server = Running::new(|settings| {
            settings.label_studio = Some(LabelStudio::new(url.clone(), Some(token.into())));
        });
        server.post("/predict", tasks.as_bytes())
    };
    let results = as_user("a.personal.token").json();
    assert_eq!(results["results"][0]["result"][0]["value"]["brushlabels"], json!(["hair"]), "{results}");
    as_user("no.such.token").fails(502, "network", "/api/token/refresh/: answers 401");
}

#[test]
fn photos_that_the_model_cuts_are_cut() {
    let tiles = kmax_model::Tiling { size: 320, overlap: 60 };
    let model =
        || kmax_model::Segmenter::builder("kmax-people").threads(1).tiles(tiles).build().expect("a model");
    let (server, segmenter) = (Running::of(model(), |_| {}), model());
    let photo = image::load_from_memory(&astronaut()).expect("a photo").into_rgb8();
    let expected: Vec<u64> =
        segmenter.segment(&photo).expect("segmented").segments.iter().map(|segment| segment.area).collect();
    let answer = server.post("/v1/segment?masks=none", &astronaut()).json();
    let rows = answer["segments"].as_array().expect("a list");
    assert_eq!(rows.iter().filter_map(|row| row["area"].as_u64()).collect::<Vec<_>>(), expected);
    let whole = server.post("/v1/segment?masks=none&task=instance", &astronaut()).json();
    assert!(whole["segments"].as_array().is_some_and(|rows| !rows.is_empty()), "{whole}");
    // Thresholds hold for each tile.
    let none = server.post("/v1/segment?masks=none&class_threshold_thing=1", &astronaut()).json();
    let things = none["segments"].as_array().expect("a list").iter().filter(|row| row["isthing"] == true);
    assert_eq!(things.count(), 0, "{none}");
    let kept = server.post("/v1/predictions", &astronaut()).json();
    assert!(kept["note"].as_str().is_some_and(|note| note.contains("tiles of 320 pixels")), "{kept}");
}
