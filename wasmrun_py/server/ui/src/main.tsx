import { render } from "preact";
import { App } from "./app";
import { applyTheme, readTheme } from "./parts/theme";
import "./style/base.css";
import "./style/pages.css";

applyTheme(readTheme());
const place = document.getElementById("app");
if (place) render(<App />, place);
